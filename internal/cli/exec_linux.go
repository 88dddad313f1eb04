package cli

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// closeOnExec makes sure that the socket of --fd is closed by the exec, and not before. It
// returns its number, which is another one for 0: that becomes /dev/null for the command.
// A number that is not open is returned as it is.
func closeOnExec(fd int) (int, error) {
	if fd != 0 {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
		if errors.Is(err, unix.EBADF) {
			err = nil
		}
		return fd, os.NewSyscallError("fcntl(F_SETFD)", err)
	}
	socket, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return 0, os.NewSyscallError("fcntl(F_DUPFD_CLOEXEC)", err)
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	return socket, os.NewSyscallError("dup3", unix.Dup3(null, 0, 0))
}

// block makes these signals all that this thread blocks.
func block(signals []syscall.Signal) error {
	var set unix.Sigset_t
	for _, sig := range signals {
		set.Val[0] |= 1 << (sig - 1)
	}
	return os.NewSyscallError("rt_sigprocmask", unix.PthreadSigmask(unix.SIG_SETMASK, &set, nil))
}
