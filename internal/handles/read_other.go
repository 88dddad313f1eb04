//go:build !linux

package handles

import (
	"errors"
	"fmt"
	"runtime"
)

// See answers errors.ErrUnsupported: autokill works on Linux.
func See() (Sight, error) {
	return Sight{}, fmt.Errorf("ps on %s: autokill works on Linux: %w", runtime.GOOS, errors.ErrUnsupported)
}
