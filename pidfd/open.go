package pidfd

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
)

// Flags are the flags of pidfd_open(2).
type Flags uint32

const (
	// NonBlock is PIDFD_NONBLOCK (Linux 5.10). Open always sets it.
	NonBlock Flags = 0x800
	// Thread is PIDFD_THREAD (Linux 6.9): the number is a thread's, and so is
	// the descriptor. It is waited for until this thread ends, or if it is the
	// leader until its process does (before Linux 6.15 some kernels tell a
	// leader's end at once), and it sends signals to this thread.
	Thread Flags = 0x80
)

// Open opens the process with this pid, or with [Thread] the thread with this
// id, as pidfd_open(2) does. What has ended can be opened until it has been
// reaped.
//
// Whoever is not the parent of the process cannot rule out that the pid has
// been given to another one before the call.
//
// The error wraps [os.ErrProcessDone] if there is no such process,
// syscall.EINVAL for a number that is no pid and for unknown flags, and
// [errors.ErrUnsupported] for Thread before Linux 6.9. A thread that is no
// process (not a leader) is syscall.ENOENT without Thread, before Linux 6.15
// syscall.EINVAL.
func Open(pid int, flags Flags) (*FD, error) {
	if unknown := flags &^ (NonBlock | Thread); unknown != 0 {
		return nil, because("pidfd_open", fmt.Sprintf("unknown flags %#x", uint32(unknown)), syscall.EINVAL)
	}
	// The kernel would cut a larger number down to some other pid.
	if pid <= 0 || pid > math.MaxInt32 {
		return nil, because("pidfd_open", fmt.Sprintf("%d is not a pid", pid), syscall.EINVAL)
	}
	n, err := open(pid, flags|NonBlock)
	if err != nil {
		return nil, openError(pid, flags, err)
	}
	return newFD(n), nil
}

func openError(pid int, flags Flags, err error) error {
	const call = "pidfd_open"
	switch {
	case errors.Is(err, syscall.ESRCH):
		return gone(call, err)
	case errors.Is(err, syscall.EINVAL) && flags&Thread != 0:
		// Pid and flags are in order, so either the kernel does not know
		// Thread, or (6.9 to 6.14) the thread was reaped just now. Ask for one
		// that is certainly there.
		self, probe := open(os.Getpid(), Thread)
		if probe != nil {
			return lacking(call, "Thread", "6.9", err)
		}
		closeFD(self)
		return gone(call, syscall.ESRCH)
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOENT):
		return because(call, fmt.Sprintf("%d is a thread and not a process, or has ended just now", pid), err)
	default:
		return os.NewSyscallError(call, err)
	}
}

// FromFile makes an FD of a file that is a pidfd. It takes ownership of file
// if it succeeds: use the FD from then on. If it fails, file stays the
// caller's.
//
// The flags of the open file description are shared by everybody who holds it
// and are left as they are. A blocking pidfd can be waited for like any other
// (that costs a second descriptor while somebody waits); only a process that
// calls waitid(2) on it notices the difference.
//
// The error wraps syscall.EBADF if file is something else, also for a
// directory of /proc, which pidfd_send_signal(2) would accept, and for a file
// opened with O_PATH; [os.ErrClosed] if file is closed; and is [os.ErrInvalid] if
// it is nil.
func FromFile(file *os.File) (*FD, error) {
	fd := new(FD)
	if err := fd.file.InitFile(file); err != nil {
		return nil, err
	}
	if err := fd.control(isPidfd); err != nil {
		return nil, notPidfd(file.Name(), err)
	}
	return fd, nil
}

func notPidfd(name string, err error) error {
	if errors.Is(err, syscall.EBADF) {
		return because("pidfd", name+" is not a process descriptor", err)
	}
	return err
}
