package pidfd

import (
	"errors"
	"fmt"
	"os"
)

// gone names ESRCH in the way package os does, and keeps the errno.
func gone(call string, errno error) error {
	return fmt.Errorf("%s: %w (%w)", call, os.ErrProcessDone, errno)
}

// lacking says which kernel would have had it.
func lacking(call, what, since string, errno error) error {
	return fmt.Errorf("%s: %s needs Linux %s: %w (%w)", call, what, since, errors.ErrUnsupported, errno)
}

// because adds to an errno what it means in this place.
func because(call, cause string, errno error) error {
	return fmt.Errorf("%s: %s: %w", call, cause, errno)
}
