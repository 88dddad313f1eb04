package pidfd

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Target says whom of what a pidfd refers to a signal is for.
type Target uint32

const (
	// ToReferent is what the descriptor was opened for: the process, or with
	// [Thread] the thread.
	ToReferent Target = 0
	// ToThread is the thread with this id, of a process its leader
	// (PIDFD_SIGNAL_THREAD, Linux 6.9).
	ToThread Target = 1 << 0
	// ToThreadGroup is the process, also through a descriptor of one of its
	// threads (PIDFD_SIGNAL_THREAD_GROUP, Linux 6.9).
	ToThreadGroup Target = 1 << 1
	// ToProcessGroup is the process group whose id is this process' pid
	// (PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9). The process must have been made
	// its leader. The group outlives its leader, and can be signalled through
	// this descriptor until its last member has been reaped.
	ToProcessGroup Target = 1 << 2
)

// maxSignal is the highest signal number the kernel has on amd64 and arm64.
const maxSignal = 64

// Signal sends a signal, as pidfd_send_signal(2) does. Signal 0 only checks
// whether it could be sent. What has ended but was not reaped takes signals
// without error.
//
// The error wraps [os.ErrProcessDone] if the target has been reaped; for
// [ToProcessGroup] there is just syscall.ESRCH, because the process may well be
// there without leading a group. It wraps syscall.EPERM if permission lacks,
// syscall.EINVAL for a signal or target that does not exist or a process
// outside of the caller's PID namespace and those below, and
// [errors.ErrUnsupported] for any other target than ToReferent before Linux
// 6.9.
func (fd *FD) Signal(sig syscall.Signal, target Target) error {
	return fd.control(func(n int) error {
		const call = "pidfd_send_signal"
		if sig < 0 || sig > maxSignal {
			return because(call, fmt.Sprintf("there is no signal %d", int(sig)), syscall.EINVAL)
		}
		switch target {
		case ToReferent, ToThread, ToThreadGroup, ToProcessGroup:
		default:
			return because(call, fmt.Sprintf("there is no target %#x", uint32(target)), syscall.EINVAL)
		}
		err := sendSignal(n, sig, target)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.ESRCH) && target == ToProcessGroup:
			return because(call, "no process group has this id", err)
		case errors.Is(err, syscall.ESRCH):
			return gone(call, err)
		case errors.Is(err, syscall.EINVAL):
			// The kernel looks at the target before anything else, so if the
			// same process can be asked without one, the target is unknown.
			if target != ToReferent && !errors.Is(sendSignal(n, 0, ToReferent), syscall.EINVAL) {
				return lacking(call, "a target", "6.9", err)
			}
			return because(call, "the process is not in this PID namespace", err)
		default:
			return os.NewSyscallError(call, err)
		}
	})
}
