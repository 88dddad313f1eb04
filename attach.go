package autokill

import (
	"os"

	"github.com/autokill/autokill/internal/bond"
)

// Attach binds a process that already runs, a child of this program or not, to a handle:
// from here on it lives no longer than the [Process], as if it had been started so, by
// [Tripwire]. It works for the user of the process, and for root; docs/attach.md has the
// rules.
//
// It is the weaker bond: nothing holds the process but its user id. It has no no_new_privs
// through this, and once it has become a user whom this program could not signal, by an exec
// of a set-user-ID program for example, the kernel does not kill it.
//
// The process stays the child of its parent, which reaps it as before: an [os/exec.Cmd] is
// still waited for by its own Wait. Done is closed when the process has ended. How it ended
// the kernel tells everybody since Linux 6.15, once the parent has reaped it; before, and
// where a parent does not reap for a second, only its parent can know, and
// [ProcessState.Known] is false.
//
// A process can be attached any number of times, and have been started with a handle of its
// own: it dies with the first handle of all that goes.
//
// What the signal would not reach is refused, and the error wraps [errors.ErrUnsupported]:
// the init of a PID namespace, a thread of the kernel, a process of another user, unless
// root of the initial user namespace asks, and this program itself. To know them takes
// /proc. The error wraps [os.ErrProcessDone] where there is no such process, and
// syscall.EINVAL where the number is none of a process. A refused process goes on
// unharmed. Whoever is not the parent of the process must know that the pid still is its
// own before the call; from then on Attach sees to that.
func Attach(pid int) (*Process, error) { return attach(pid, bond.ScopeProcess) }

// AttachGroup is [Attach] for the whole process group that the process leads: all who are
// in it when the handle goes are killed at once. Its [Process.Scope] is [ScopeTree], but
// nothing seals the group: who leaves it, by setsid or setpgid, survives. So shells with
// job control, and daemons, are out of reach.
//
// A process that leads no group is refused, and so is a group with this program in it, or
// with anybody whom Attach would refuse.
func AttachGroup(pid int) (*Process, error) { return attach(pid, bond.ScopeTree) }

func attach(pid int, s bond.Scope) (*Process, error) {
	child, err := bond.Attach(pid, s)
	if err != nil {
		m, err := cause(Tripwire, err)
		return nil, &OpError{Op: "attach", Mechanism: m, Err: hint(err, os.Stat)}
	}
	return newProcess(child), nil
}
