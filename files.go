package autokill

import (
	"errors"
	"fmt"
	"os"
)

// files are the child's descriptors, in order; a nil one stays closed. Closing
// closes what was opened for the child only.
type files struct {
	child []*os.File
	null  *os.File
}

func (c *Cmd) files() (*files, error) {
	f := new(files)
	for _, stream := range []struct {
		name  string
		value any
	}{
		{"Stdin", c.Stdin},
		{"Stdout", c.Stdout},
		{"Stderr", c.Stderr},
	} {
		file, err := f.stream(stream.name, stream.value)
		if err != nil {
			f.close()
			return nil, err
		}
		f.child = append(f.child, file)
	}
	f.child = append(f.child, c.ExtraFiles...)
	return f, nil
}

func (f *files) stream(name string, value any) (*os.File, error) {
	switch file := value.(type) {
	case nil:
		return f.devNull()
	case *os.File:
		if file == nil {
			return nil, fmt.Errorf("%s is a nil *os.File: %w", name, os.ErrInvalid)
		}
		return file, nil
	default:
		return nil, fmt.Errorf("%s is a %T, only *os.File can be passed: %w", name, value, errors.ErrUnsupported)
	}
}

// devNull serves all streams that were left nil.
func (f *files) devNull() (*os.File, error) {
	if f.null != nil {
		return f.null, nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	f.null = null
	return null, err
}

func (f *files) close() {
	if f.null != nil {
		_ = f.null.Close()
	}
}

// hold calls start with the descriptors' numbers, -1 for a nil file. Meanwhile no
// file can be closed, so that no number can become another file's: that file could
// be the handle of a child, which would then keep somebody alive.
func (f *files) hold(start func(numbers []int) error) error {
	return f.holdFrom(0, make([]int, len(f.child)), start)
}

func (f *files) holdFrom(i int, numbers []int, start func([]int) error) error {
	if i == len(f.child) {
		return start(numbers)
	}
	file := f.child[i]
	if file == nil {
		numbers[i] = -1
		return f.holdFrom(i+1, numbers, start)
	}
	// As in os/exec, Fd makes a file blocking, which is what most programs expect of
	// what they inherit.
	_ = file.Fd()
	conn, err := file.SyscallConn()
	if err == nil {
		var startErr error
		err = conn.Control(func(fd uintptr) {
			numbers[i] = int(fd)
			startErr = f.holdFrom(i+1, numbers, start)
		})
		if err == nil {
			return startErr
		}
	}
	return fmt.Errorf("descriptor %d of the child is %s, which is closed: %w", i, file.Name(), os.ErrClosed)
}
