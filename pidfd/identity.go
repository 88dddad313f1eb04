package pidfd

import (
	"errors"
	"os"
)

// autokillBit is PIDFD_AUTOKILL, the status flag of an autokill handle. The
// kernel gives it the value of O_TRUNC, which no open file keeps otherwise;
// fcntl(2) can neither set nor clear it.
const autokillBit = 0x200

// Autokill reports whether this is an autokill handle: the descriptor that
// clone3(2) returned for CLONE_PIDFD_AUTOKILL (Linux 7.1), or another
// reference to the same open file. All other descriptors of the same process
// are observers.
func (fd *FD) Autokill() (bool, error) {
	var flags int
	err := fd.control(func(n int) error {
		var err error
		flags, err = statusFlags(n)
		return os.NewSyscallError("fcntl", err)
	})
	return flags&autokillBit != 0, err
}

// Same reports whether both refer to the same process (the same thread, for
// descriptors of threads; a leader and its process are the same). It also
// tells a process that is gone from a later one with the same pid.
//
// It compares inode numbers, which are unique since Linux 6.9. Before that all
// pidfds have the same one, and the error wraps [errors.ErrUnsupported].
func (fd *FD) Same(other *FD) (bool, error) {
	mine, err := fd.inode()
	if err != nil {
		return false, err
	}
	theirs, err := other.inode()
	if err != nil {
		return false, err
	}
	return mine == theirs, nil
}

// inode is where a process lives in pidfs.
type inode struct{ dev, ino uint64 }

func (fd *FD) inode() (inode, error) {
	var at inode
	err := fd.control(func(n int) error {
		own, err := onPidfs(n)
		if err != nil {
			return os.NewSyscallError("fstatfs", err)
		}
		if !own {
			return lacking("pidfd", "comparing processes", "6.9", errors.ErrUnsupported)
		}
		at, err = stat(n)
		return os.NewSyscallError("fstat", err)
	})
	return at, err
}
