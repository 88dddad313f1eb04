//go:build linux && (amd64 || arm64)

package bond

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/pidfd"
)

// observerOf makes the observer of a pidfd that was just opened for this program
// alone; it takes the number.
func observerOf(fd int) (*pidfd.FD, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return blockingObserverOf(fd)
}

func blockingObserverOf(fd int) (*pidfd.FD, error) {
	observer, err := pidfd.New(fd)
	if err != nil {
		_ = unix.Close(fd)
	}
	return observer, err
}

// observer makes the observer of a child that was started. One that is followed (Follow)
// has a blocking file, of which Go's poller knows nothing: the end of the child does not
// wake a thread that then finds nobody waiting.
func (s Scope) observer(fd int) (*pidfd.FD, error) {
	if s == ScopePIDNamespace {
		return observerOf(fd)
	}
	return blockingObserverOf(fd)
}

// posthumous waits until the child has been reaped, by the kernel or by somebody
// else, and reads its status. POLLIN comes when a process has ended, but only with
// POLLHUP is the exit information sure to be there.
//
// Kernels before 6.15 do not tell; those before 6.9 cannot be waited on either,
// and then the child is known to be gone already.
func posthumous(ctx context.Context, c *Child) Ending {
	if err := c.Observer.WaitReaped(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errors.ErrUnsupported) {
		if conn, err := c.Observer.SyscallConn(); err == nil {
			_ = conn.Control(func(fd uintptr) { waitReaped(ctx, int(fd)) })
		}
	}
	return told(c)
}

// told is what the kernel tells everybody of a child that was reaped.
func told(c *Child) Ending {
	info, err := c.Observer.Info(pidfd.InfoExit)
	if err != nil {
		return Ending{}
	}
	status, ok := info.Exit()
	return Ending{Known: ok, Status: status}
}

// What this program has learned of its kernel and its sandbox.
var (
	running kernel
	tripped [len(parcels)]proof // by scope
)

func (k Kind) mechanism(s Scope) (mechanism, error) {
	switch k {
	case Native:
		return native{s}, nil
	case Tripwire:
		return tripwire{s}, nil
	}
	return nil, noMechanism(k)
}

// Start chooses a mechanism and starts the child by it. The request is Start's from
// then on. Every error is an *Error.
func Start(r *clone.Request, w Wish) (*Child, error) {
	facts, err := gather(w)
	if err != nil {
		return nil, &Error{w.Kind, err}
	}
	plan, err := choose(w, facts)
	if err == nil {
		var again *clone.Request
		if plan.Kind == Native && w.Kind == Auto {
			unchanged := *r
			again = &unchanged
		}
		var child *Child
		if child, err = plan.start(r, w); err == nil {
			return child, nil
		}
		// The kernel has native, but a filter that came later denies clone3.
		if again != nil && errors.Is(askNative(), errors.ErrUnsupported) {
			w.Kind = Tripwire
			return Start(again, w)
		}
	}
	return nil, &Error{plan.Kind, err}
}

func (p Plan) start(r *clone.Request, w Wish) (*Child, error) {
	m, err := p.Kind.mechanism(w.Scope)
	if err != nil {
		return nil, err
	}
	if err = m.trust(); err != nil {
		return nil, err
	}
	if p.DropSetuid {
		caps := r.Capabilities
		if caps == nil {
			if caps, err = r.Born(); err != nil {
				return nil, err
			}
		}
		r.Capabilities = caps.Without(unix.CAP_SETUID)
	}
	if w.Scope == ScopePIDNamespace {
		return p.startInside(m, r, w)
	}
	child, err := m.start(r, w.AllowNewPrivs)
	return child, explain(err)
}

// Prove shows by killing a child whether a mechanism works here and now: nil, or
// why not.
func Prove(k Kind) error {
	m, err := k.mechanism(ScopeProcess)
	if err != nil {
		return err
	}
	return m.prove()
}
