package pidfd

import (
	"errors"
	"math"
	"os"
	"syscall"
)

// GetFD takes descriptor number n of the process, as pidfd_getfd(2) does. The
// file shares the open file description with the process, status flags and
// position included, and is close-on-exec here. The caller owns it.
//
// It needs the right to trace the process (PTRACE_MODE_ATTACH_REALCREDS): the
// error wraps syscall.EPERM without it, syscall.EBADF if the process has no
// such descriptor, and [os.ErrProcessDone] if it has ended.
func (fd *FD) GetFD(n int) (*os.File, error) {
	var file *os.File
	err := fd.control(func(pidfd int) error {
		const call = "pidfd_getfd"
		if n < 0 || n > math.MaxInt32 {
			return because(call, "not a descriptor number", syscall.EBADF)
		}
		got, err := getFD(pidfd, n)
		switch {
		case err == nil:
			file = os.NewFile(uintptr(got), call)
			return nil
		case errors.Is(err, syscall.ESRCH):
			return gone(call, err)
		case errors.Is(err, syscall.EBADF):
			return because(call, "the process has no such descriptor", err)
		default:
			return os.NewSyscallError(call, err)
		}
	})
	return file, err
}
