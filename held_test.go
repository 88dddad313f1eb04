//go:build linux

package autokill

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFilesAreHeld: a file that is closed during a start keeps its number until the
// start is over, so that no other file can get it.
func TestFilesAreHeld(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	files := []*os.File{r, nil, w}
	var numbers []int
	err = hold(files, func(held []int) error {
		numbers = held
		if err := errors.Join(r.Close(), w.Close()); err != nil {
			return err
		}
		var st unix.Stat_t
		return errors.Join(unix.Fstat(held[0], &st), unix.Fstat(held[2], &st))
	})
	if err != nil {
		t.Errorf("closed during the start: %v", err)
	}
	if numbers[1] != -1 {
		t.Errorf("a nil file has the number %d", numbers[1])
	}
	var st unix.Stat_t
	if err := unix.Fstat(numbers[0], &st); !errors.Is(err, unix.EBADF) {
		t.Errorf("after the start the number is still open: %v", err)
	}
	if err := hold(files, func([]int) error { return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file is held: %v", err)
	}
}
