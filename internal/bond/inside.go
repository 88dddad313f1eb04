//go:build linux && (amd64 || arm64)

package bond

import (
	"context"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/pidns"
	"github.com/autokill/autokill/pidfd"
)

// inside is a mechanism whose child is not what it has started, but the command in a
// PID namespace.
type inside struct {
	mechanism
	namespace *pidns.Namespace
	// outer is what the mechanism has started and will reap: the init, or the monitor
	// outside of it. Its handle is the command's.
	outer *Child
}

func (p Plan) startInside(m mechanism, r *clone.Request, w Wish) (*Child, error) {
	if p.UserNamespace && r.Capabilities == nil {
		// The first process of a user namespace has all capabilities in it. The command
		// gets those that it would have without, but for the one to trace the init.
		caps, err := clone.ReadCapabilities()
		if err != nil {
			return nil, err
		}
		r.Capabilities = caps.Without(unix.CAP_SYS_PTRACE)
	}
	options := pidns.Options{Monitor: p.Kind == Tripwire, UserNamespace: p.UserNamespace}
	namespace, err := pidns.Prepare(r, options)
	if err != nil {
		return nil, explain(err)
	}
	outer, err := m.start(r, w.AllowNewPrivs)
	namespace.Started()
	if err != nil {
		namespace.Close()
		return nil, pidns.Explain(explain(err), options)
	}
	child, err := enter(namespace, outer)
	if err != nil {
		outer.Handle.Close()       // the last reference: kills
		outer.post(m.await(outer)) // to nobody: it only closes
		outer.Observer.Close()
		namespace.Close()
	}
	return child, err
}

func enter(namespace *pidns.Namespace, outer *Child) (*Child, error) {
	members, err := namespace.Members()
	if err != nil {
		return nil, err
	}
	init, err := observerOf(members.Init)
	if err != nil {
		_ = unix.Close(members.Command)
		return nil, err
	}
	observer, err := observerOf(members.Command)
	if err != nil {
		init.Close()
		return nil, err
	}
	child := newChild(members.Pid, outer.Handle, observer, inside{outer.mechanism, namespace, outer})
	child.peer, outer.peer = outer.peer, nil
	child.reaps, child.outer = outer, []*pidfd.FD{init}
	child.everybody = dwellers{members.Pid, observer, init}
	return child, nil
}

// await returns when the command has ended and, with the init, everything in its
// namespace.
func (i inside) await(c *Child) Ending {
	end := i.end(c)
	c.post(end)
	return end
}

func (i inside) end(c *Child) Ending {
	status, usage, told := i.namespace.Ending()
	i.namespace.Close()
	i.mechanism.await(i.outer)
	i.outer.Observer.Close()
	c.awaitOuter((*pidfd.FD).Reap)
	if told {
		return Ending{Known: true, Status: status, Rusage: usage}
	}
	// The init was killed, and its death has reaped the command: Linux 6.15 and later
	// tell how that ended, which may have been a moment before.
	ctx, cancel := context.WithTimeout(context.Background(), grace) // all are gone, or no wait is allowed
	defer cancel()
	if end := posthumous(ctx, c); end.Known {
		return end
	}
	return Ending{Known: true, Status: syscall.WaitStatus(syscall.SIGKILL)}
}
