package bond

import (
	"fmt"
	"slices"
	"syscall"
)

// target is a process that is to be bound by somebody who has not started it.
type target struct {
	pid     int
	inner   int // its pid in its own PID namespace
	group   int
	kthread bool
	real    int // user ids as we see them
	saved   int
	denied  error // why we may not signal it, or nil
}

// attacher is who binds it.
type attacher struct {
	pid, group   int
	uids         []int // real and effective
	root         bool  // of the initial user namespace
	ownNamespace bool  // it is in another user namespace
}

// overflow is the id that stands for all those which a user namespace does not map
// (user_namespaces(7); /proc/sys/kernel/overflowuid can change it, and nobody does).
const overflow = 65534

// attachable refuses what the signal of a tripwire would never reach: F_SETOWN_EX says
// nothing of it.
func attachable(t target, a attacher) error {
	switch {
	case t.kthread:
		return unattachable(t, "is a thread of the kernel, which no signal ends", nil)
	case t.inner == 1:
		return unattachable(t, "is the init of a PID namespace, which ignores the signal of a tripwire", nil)
	case !a.reaches(t):
		return unattachable(t, "belongs to another user, whom the signal of a tripwire reaches only if root of the initial user namespace has armed it", syscall.EPERM)
	case t.denied != nil:
		return unattachable(t, "cannot be signalled by this program", t.denied)
	}
	return nil
}

// reaches is the kernel's rule for the signal (fs/fcntl.c, sigio_perm).
func (a attacher) reaches(t target) bool {
	return a.root || slices.ContainsFunc(a.uids, func(uid int) bool {
		// In a user namespace of one's own the same number may be anybody.
		return (uid == t.real || uid == t.saved) && (uid != overflow || !a.ownNamespace)
	})
}

// attachableAlone is about one process.
func attachableAlone(t target, a attacher) error {
	if t.pid == a.pid {
		return unattachable(t, "is this program, which cannot hold itself", nil)
	}
	return attachable(t, a)
}

// attachableGroup is about the process group that a process leads, as it is now.
func attachableGroup(leader target, members []target, a attacher) error {
	switch {
	case leader.group != leader.pid:
		return unattachable(leader, fmt.Sprintf("is in process group %d and does not lead it", leader.group), nil)
	case leader.group == a.group:
		return unattachable(leader, "leads the process group of this program, which cannot hold itself", nil)
	}
	for _, m := range append([]target{leader}, members...) {
		if err := attachable(m, a); err != nil {
			return err
		}
	}
	return nil
}

func unattachable(t target, why string, cause error) error {
	err := unsupported(fmt.Sprintf("process %d %s", t.pid, why))
	if cause != nil {
		return fmt.Errorf("%w (%w)", err, cause)
	}
	return err
}
