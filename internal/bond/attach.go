//go:build linux && (amd64 || arm64)

package bond

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/pidfd"
)

// Attach binds a process that already runs, or the process group that it leads, to a
// handle: a tripwire whose parcel this program makes in the place of a child. Every error
// is an *Error, and leaves the process as it was.
//
// A pid can become another process's at any time. That one must not even be armed, for then
// a crash of ours would kill it. So: open a pidfd; give the pipe ends their owner, whom the
// kernel looks up by number; see that the process of the pidfd has not ended, so that the
// number was its own until then; arm (wire.go).
//
// Ledger of kernel versions:
//
//	NSpid in /proc/PID/status      4.1: the init of a PID namespace is known by it
//	POLLHUP when reaped            6.9: who is not the parent can wait for the reap
//	exit status for everybody      6.15 (PIDFD_GET_INFO); before, for the parent only
func Attach(pid int, s Scope) (*Child, error) {
	child, err := attach(pid, s)
	if err != nil {
		return nil, &Error{Tripwire, explain(err)}
	}
	return child, nil
}

func attach(pid int, s Scope) (*Child, error) {
	observer, err := pidfd.Open(pid, 0)
	if err != nil {
		return nil, err
	}
	sockets, err := attachTo(pid, observer, s)
	if err != nil {
		if ended(observer) {
			err = os.ErrProcessDone // and what was seen may have been another's
		}
		_ = observer.Close()
		return nil, err
	}
	publish(int(sockets.handle.Fd()), s, pid)
	child := newChild(pid, sockets.handle, observer, attached{tripwire{s}})
	child.peer = sockets.postbox()
	if s == ScopeTree {
		child.everybody = group{leader: pid, observer: observer}
	}
	return child, nil
}

func attachTo(pid int, observer *pidfd.FD, s Scope) (socketPair, error) {
	t, err := examine(pid, observer, s)
	if err != nil {
		return socketPair{}, err
	}
	if err := attaching.check(time.Now(), proveAttach); err != nil {
		return socketPair{}, err
	}
	return wire(t, observer, s)
}

// attached is the mechanism of a process that this program has not started.
type attached struct{ tripwire }

// await leaves the reaping to whoever started the process, and who wants the status, too:
// os/exec, if that was this program.
func (attached) await(c *Child) (end Ending) {
	defer func() { c.post(end) }()
	waitEnded(c.Observer)
	if exit, ended, err := c.Observer.Peek(); err == nil && ended {
		return seen(exit)
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return posthumous(ctx, c)
}

// ended says whether a process has ended. If it has not, its pid was its own until now.
func ended(observer *pidfd.FD) bool {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	return observer.Wait(over) == nil
}

// attaching is the proof that a tripwire kills which its target has not armed itself.
var attaching proof

// proveAttach attaches a child of a proof that has a bond of its own, or it would outlive
// us if we were killed here. That one is kept until the other has killed.
func proveAttach() error {
	p := takeParcel(ScopeProcess)
	defer p.putBack()
	var own socketPair
	defer func() {
		if own.handle != nil {
			own.close()
		}
	}()
	return probe(func(r *clone.Request) (clone.Pending, socketPair, error) {
		pending, bound, err := p.clone(r)
		if err != nil {
			return pending, bound, err
		}
		own = bound
		another, err := attachToPending(pending.Pid())
		if err == nil {
			return pending, another, nil
		}
		_ = unix.Kill(pending.Pid(), unix.SIGKILL) // its number until the wait
		if _, failed := pending.Wait(); !errors.Is(failed, clone.ErrNotStarted) {
			err = failed // by itself, before the kill
		}
		return pending, another, err
	}, func(pid, _ int) (int, error) { return openPidfd(pid) })
}

func attachToPending(pid int) (socketPair, error) {
	observer, err := pidfd.Open(pid, 0)
	if err != nil {
		return socketPair{}, err
	}
	defer observer.Close()
	return wire(target{pid: pid, inner: pid}, observer, ScopeProcess)
}
