//go:build !linux || !(amd64 || arm64)

package siginfo

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// Catch cannot do it here.
func Catch(...syscall.Signal) (<-chan Info, error) {
	return nil, fmt.Errorf("where signals come from is not known on %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
}

// Default has nothing to undo here.
func Default(syscall.Signal) error { return nil }

// Ignore does nothing here.
func Ignore(syscall.Signal) error { return nil }
