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

// numbers are the descriptors, to be used while f is reachable. As in os/exec,
// Fd makes a file blocking, which is what most programs expect of what they inherit.
func (f *files) numbers() []int {
	numbers := make([]int, len(f.child))
	for i, file := range f.child {
		numbers[i] = -1
		if file != nil {
			numbers[i] = int(file.Fd())
		}
	}
	return numbers
}
