//go:build !linux || !(amd64 || arm64)

package sigign

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// Ignored cannot know it here.
func Ignored() ([]syscall.Signal, error) {
	return nil, fmt.Errorf("which signals were ignored at the start is not known on %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
}

// Blocked cannot know it here.
func Blocked() ([]syscall.Signal, error) {
	return nil, fmt.Errorf("which signals were blocked at the start is not known on %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
}
