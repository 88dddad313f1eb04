//go:build !linux || !(amd64 || arm64)

package pidfd

import (
	"errors"
	"os"
	"testing"
)

// TestOtherSystem: without process descriptors there is no FD, so these are all the
// ways in.
func TestOtherSystem(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, enter := range map[string]func() (*FD, error){
		"Open":     func() (*FD, error) { return Open(os.Getpid(), 0) },
		"FromFile": func() (*FD, error) { return FromFile(file) },
		"Start":    func() (*FD, error) { fd, _, err := Start(&Program{Path: "/", Args: []string{"x"}}); return fd, err },
	} {
		if fd, err := enter(); fd != nil || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, %v", name, fd, err)
		}
	}
	// The file is still the caller's.
	if _, err := file.Stat(); err != nil {
		t.Error(err)
	}
}
