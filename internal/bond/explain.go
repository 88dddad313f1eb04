//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// ownSteps are the calls that the mechanisms make for themselves. Where one of them
// is denied, the contract cannot be kept; any other is the caller's wish.
var ownSteps = []string{
	stepSameNamespace, stepLeads, "close_range", "close_range(CLOSE_RANGE_UNSHARE)", "prctl(PR_SET_NO_NEW_PRIVS)", "rt_sigprocmask", "rt_sigaction",
	"socketpair", "pidfd_open", "sendmsg(description)", "pipe2",
	"fcntl(F_SETSIG)", "fcntl(F_SETOWN_EX)", "fcntl(F_SETFL, O_ASYNC)", "fcntl(F_GETFL)",
	"setsockopt(SO_PASSCRED)", "sendmsg(parcel)", "sendmsg(introduction)", stepSeal, "ppoll", "sendmsg(command)",
}

var denials = []error{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EINVAL, unix.EOPNOTSUPP}

// explain says what the error of a start means for the contract.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var call *os.SyscallError
	if !errors.As(err, &call) {
		return err
	}
	is := func(target error) bool { return errors.Is(err, target) }
	failed := errors.As(err, new(unix.Errno)) // and did not give another result than the wanted one
	switch {
	case call.Syscall == stepSameNamespace && !failed && is(errors.ErrUnsupported):
		return unsupported(inOtherPIDNamespace)
	case call.Syscall == stepLeads && !failed && is(errors.ErrUnsupported):
		return ErrSealed
	case is(unix.ETOOMANYREFS):
		return fmt.Errorf("%w: each living child keeps %d descriptors in flight (%d in a PID namespace), and all of this user's count against RLIMIT_NOFILE: raise it, or close handles", err, inFlight, inFlightInside)
	case slices.Contains(ownSteps, call.Syscall) && slices.ContainsFunc(denials, is):
		return fmt.Errorf("%w: a seccomp filter denies it, or the kernel is too old (%w)", err, errors.ErrUnsupported)
	}
	return err
}
