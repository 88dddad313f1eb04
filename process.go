package autokill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/pidfd"
)

// Process is a child and the handle that keeps it alive. All methods are safe for
// use by many goroutines at once.
//
// A Process that becomes garbage kills nobody: the handle stays open until the
// child has ended, or this program has.
type Process struct {
	// Pid is the process id. It is not to be changed.
	Pid int

	child *bond.Child
	done  chan struct{}
	state *ProcessState // to be read after done

	mu       sync.Mutex
	closed   bool // the handle is
	released bool // the caller has given the Process up
	ended    bool
}

// newProcess makes the Process of a new child. Its goroutine takes care of the end,
// whether or not anybody waits, and keeps the Process from being collected before.
func newProcess(child *bond.Child) *Process {
	p := &Process{Pid: child.Pid, child: child, done: make(chan struct{})}
	go p.reap()
	return p
}

func (p *Process) reap() {
	ending := p.child.Await()
	p.state = &ProcessState{pid: p.Pid, ending: ending}
	p.mu.Lock()
	p.ended = true
	if p.closed || p.released {
		p.discard()
	}
	p.mu.Unlock()
	close(p.done)
}

// discard closes all descriptors of a child that has ended.
func (p *Process) discard() {
	p.closed = true
	_ = p.child.Handle.Close()
	_ = p.child.Observer.Close()
}

// Close drops the handle, which kills the child. It returns at once; [Process.Done]
// says when the child is gone. After the child has ended Close only frees what the
// Process holds. It may be called any number of times and returns nil.
//
// A copy of the descriptor that was made without the help of this package does not
// save the child from Close.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed, p.released:
	case p.ended:
		p.discard()
	default:
		p.closed = true
		// The signal by pidfd comes first: it cannot be lost to an exec that the
		// child is in the middle of, as the one that the closing sends can. The
		// package has shared the handle with nobody, so the closing is meant to kill.
		_ = p.child.Observer.Signal(syscall.SIGKILL, pidfd.ToReferent)
		_ = p.child.Handle.Close()
	}
	return nil
}

// Done returns a channel that is closed when the child has ended and was reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the child to end, closes the handle, and returns how it ended. It
// may be called any number of times, by many goroutines.
func (p *Process) Wait() (*ProcessState, error) { return p.WaitContext(context.Background()) }

// WaitContext is Wait, but it gives up when the context is done: then it returns
// its error, and the child and the handle stay as they are.
func (p *Process) WaitContext(ctx context.Context) (*ProcessState, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	select {
	case <-p.done:
	default:
		select {
		case <-p.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	_ = p.Close()
	return p.state, nil
}

// Stop asks the child nicely: it sends sig, and SIGCONT in case the child is
// stopped, waits, and kills when the context is done. It returns how the child
// ended; the handle is closed then. A context that is never done waits for ever.
func (p *Process) Stop(ctx context.Context, sig os.Signal) (*ProcessState, error) {
	err := p.Signal(sig)
	if err == nil {
		err = p.Signal(sigcont)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return nil, err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		_ = p.Close()
	}
	return p.Wait()
}

// sigcont is SIGCONT, which package syscall does not have on every system.
const sigcont = syscall.Signal(18)

// Signal sends a signal to the child. The error is [os.ErrProcessDone] if it has
// ended.
func (p *Process) Signal(sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return fmt.Errorf("autokill: signal %v: %w", sig, errors.ErrUnsupported)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return errReleased
	}
	if p.ended {
		return os.ErrProcessDone
	}
	err := p.child.Observer.Signal(number, pidfd.ToReferent)
	if errors.Is(err, os.ErrProcessDone) {
		return os.ErrProcessDone
	}
	return err
}

// Kill sends SIGKILL to the child, and to it alone. It does not wait, and the
// handle stays open.
func (p *Process) Kill() error { return p.Signal(syscall.SIGKILL) }

// errReleased matches os.ErrInvalid so that it can be told apart.
var errReleased = fmt.Errorf("autokill: process already released: %w", os.ErrInvalid)

// Release gives the Process up and kills nobody: the child stays bound to the life
// of this program. From then on Close does nothing, and what waits for, signals or
// asks about the child fails; Done still says when it has ended. It may be called any
// number of times and returns nil.
func (p *Process) Release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.released = true
	if p.ended {
		p.discard()
	}
	return nil
}

func (p *Process) usable() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return errReleased
	}
	return nil
}

// Mechanism returns what is in force: [Native] or [Tripwire].
func (p *Process) Mechanism() Mechanism { return Mechanism(p.child.Kind()) }

// Observer returns a pidfd of the child that the caller owns. It is readable when
// the child has ended (poll(2)), and neither keeps the child alive nor kills it.
// The error wraps [os.ErrClosed] after the child has ended and the Process was
// closed.
func (p *Process) Observer() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return nil, errReleased
	}
	return duplicate(p.child.Observer)
}

// WithHandle calls f with the number of a pidfd of the child, as
// [os.Process.WithHandle] does. The number is good until f returns. It is an observer,
// and not the handle that keeps the child alive. The error is [os.ErrProcessDone] after
// the child has ended and the Process was closed.
func (p *Process) WithHandle(f func(pidfd uintptr)) error {
	p.mu.Lock()
	released, observer := p.released, p.child.Observer
	p.mu.Unlock()
	if released {
		return errReleased
	}
	conn, err := observer.SyscallConn()
	if err == nil {
		err = conn.Control(f)
	}
	if err != nil {
		return os.ErrProcessDone
	}
	return nil
}

// Info asks the kernel about the child: ids, credentials, cgroup, and how it ended
// (Linux 6.13; see [pidfd.FD.Info]). The error wraps [os.ErrClosed] after the child
// has ended and the Process was closed; [Process.Wait] still tells the status.
func (p *Process) Info() (pidfd.Info, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return pidfd.Info{}, errReleased
	}
	return p.child.Observer.Info(pidfd.InfoPID | pidfd.InfoCreds | pidfd.InfoCgroupID | pidfd.InfoExit | pidfd.InfoCoredump)
}
