package autokill

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// duplicate makes a second reference to an open file, close-on-exec.
func duplicate(file syscall.Conn, name string) (*os.File, error) {
	n, err := duplicateNumber(file)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(n), name), nil
}

// duplicateObserver makes one that Go's poller can watch. The flag is for all references
// to the open file; of ours it changes nothing, for we poll.
func duplicateObserver(file syscall.Conn) (*os.File, error) {
	n, err := duplicateNumber(file)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(n, true); err != nil {
		_ = unix.Close(n)
		return nil, os.NewSyscallError("fcntl(F_SETFL)", err)
	}
	return os.NewFile(uintptr(n), "autokill observer"), nil
}

func duplicateNumber(file syscall.Conn) (n int, err error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	if conn.Control(func(fd uintptr) { n, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }) != nil {
		return -1, os.ErrClosed
	}
	return n, os.NewSyscallError("fcntl(F_DUPFD_CLOEXEC)", err)
}
