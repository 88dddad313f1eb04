package autokill

import (
	"fmt"
	"os"
)

// hold calls start with the numbers of the files, -1 for a nil one. Meanwhile no
// file can be closed, so that no number can become another file's: that file could
// be the handle of a child, which would then keep somebody alive.
func hold(files []*os.File, start func(numbers []int) error) error {
	return holdFrom(0, files, make([]int, len(files)), start)
}

func holdFrom(i int, files []*os.File, numbers []int, start func([]int) error) error {
	for i < len(files) && files[i] == nil {
		numbers[i] = -1
		i++
	}
	if i == len(files) {
		return start(numbers)
	}
	file := files[i]
	// As in os/exec, Fd makes a file blocking, which is what most programs expect of
	// what they inherit.
	_ = file.Fd()
	conn, err := file.SyscallConn()
	if err == nil {
		var startErr error
		err = conn.Control(func(fd uintptr) {
			numbers[i] = int(fd)
			startErr = holdFrom(i+1, files, numbers, start)
		})
		if err == nil {
			return startErr
		}
	}
	return fmt.Errorf("descriptor %d of the child is %s, which is closed: %w", i, file.Name(), os.ErrClosed)
}
