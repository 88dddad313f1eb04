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

// Process is a child and the handle that keeps it alive, and with it all that
// belong to its [Scope]. All methods are safe for use by many goroutines at once.
//
// A Process that becomes garbage kills nobody: the handle stays open until the
// child has ended, or this program has. Those who are left in the scope then live
// until this program ends.
type Process struct {
	// Pid is the process id. It is not to be changed.
	Pid int

	child *bond.Child

	mu       sync.Mutex
	closed   bool // the handle is
	shared   bool // others may have the handle, too
	released bool // the caller has given the Process up
	ended    bool
	state    ProcessState  // when it has ended
	done     chan struct{} // nil until somebody asks for it
}

// newProcess makes the Process of a new child. Package bond takes care of the end, whether
// or not anybody waits, and keeps the Process from being collected before.
func newProcess(child *bond.Child) *Process {
	p := &Process{Pid: child.Pid, child: child}
	child.Follow((*mourner)(p))
	return p
}

// mourner is the Process as one that is told of the child's end.
type mourner Process

func (m *mourner) Ended(ending bond.Ending) {
	p := (*Process)(m)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(ending)
}

// end is called once, with the lock.
func (p *Process) end(ending bond.Ending) {
	p.ended, p.state = true, ProcessState{pid: p.Pid, ending: ending}
	switch {
	case p.closed:
		p.discard()
	case !p.child.Deserted():
		bereaved.Store(p, nil)
	case p.released:
		p.discard()
	}
	if p.done != nil {
		close(p.done)
	}
}

// bereaved are those whose child has ended while others in its scope have not.
// Their handles must not be collected as garbage, which would close them and so kill
// the others.
var bereaved sync.Map

// discard closes all descriptors of a child that has ended.
func (p *Process) discard() {
	p.closed = true
	bereaved.Delete(p)
	p.child.Close()
}

// Close drops the handle, which kills the child and everybody else in the scope, unless
// somebody else has the handle, too: by [Process.File], [Process.Send], or because it came
// from there. It returns at once; [Process.Done] says when the child is gone. After the
// child has ended Close kills those that are left, and frees what the Process holds. It may
// be called any number of times and returns nil.
//
// A copy of the descriptor that was made without the help of this package does not
// save the child from Close, nor, since Linux 6.9, anybody else in the scope.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.released {
		return nil
	}
	p.closed = true
	switch {
	case p.ended:
		if !p.shared && !p.child.Deserted() {
			p.child.Kill()
		}
		p.discard()
	case p.shared:
		p.child.Drop()
	default:
		// The handle was shared with nobody, so the closing is meant to kill.
		if ending, ended := p.child.End(); ended {
			p.end(ending)
		}
	}
	return nil
}

// Done returns a channel that is closed when the child has ended and was reaped, which is
// its parent's to do if it was attached. In a tree others may still be there, in a PID
// namespace all are gone.
func (p *Process) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil {
		p.done = make(chan struct{})
		if p.ended {
			close(p.done)
		}
	}
	return p.done
}

// Wait waits for the child to end, closes the handle, which kills whoever is left in
// the scope, and returns how the child ended. It may be called any number of times, by
// many goroutines.
func (p *Process) Wait() (*ProcessState, error) { return p.WaitContext(context.Background()) }

// WaitContext is Wait, but it gives up when the context is done: then it returns
// its error, and the child and the handle stay as they are.
func (p *Process) WaitContext(ctx context.Context) (*ProcessState, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	if ctx.Done() == nil {
		p.child.Hasten()
	}
	if !p.hasEnded() {
		select {
		case <-p.Done():
		case <-ctx.Done():
			if !p.hasEnded() {
				return nil, ctx.Err()
			}
		}
	}
	_ = p.Close()
	return &p.state, nil
}

func (p *Process) hasEnded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Stop asks the child nicely: it sends sig, and SIGCONT in case the child is
// stopped, waits, and kills when the context is done. It returns how the child
// ended; the handle is closed then, so nobody is left in the scope. A context that is
// never done waits for ever.
//
// The child alone is asked, for most programs that have children know how to end
// them: many servers take the same signal to one of their workers for something
// else. [Process.StopAll] asks everybody.
func (p *Process) Stop(ctx context.Context, sig os.Signal) (*ProcessState, error) {
	return p.stop(ctx, sig, p.Signal)
}

// StopAll is Stop, but it asks everybody in the scope, as a terminal does after a
// Ctrl-C: for a shell script, which does not end before the program that it waits
// for. It too waits for the child only. Where everybody cannot be asked (EAGAIN and EPERM of
// [Process.SignalAll]), the child alone is.
func (p *Process) StopAll(ctx context.Context, sig os.Signal) (*ProcessState, error) {
	return p.stop(ctx, sig, p.SignalAll)
}

func (p *Process) stop(ctx context.Context, sig os.Signal, send func(os.Signal) error) (*ProcessState, error) {
	switch err := send(sig); {
	case err == nil:
		_ = send(sigcont) // who took the first one takes this one, or has ended
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EPERM):
		_, _ = p.Signal(sig), p.Signal(sigcont)
	case errors.Is(err, os.ErrProcessDone), errors.Is(err, bond.ErrChildEnded):
	default:
		return nil, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		if err := p.kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return nil, err
		}
	}
	return p.Wait()
}

// kill kills everybody, also if others have the handle. The error is about the child.
func (p *Process) kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released || p.ended || p.child.SignalAll(syscall.SIGKILL) == nil {
		return nil
	}
	return p.child.Signal(syscall.SIGKILL)
}

// sigcont is SIGCONT, which package syscall does not have on every system.
const sigcont = syscall.Signal(18)

// Signal sends a signal to the child, and to it alone. The error is
// [os.ErrProcessDone] if it has ended. It wraps syscall.EPERM also if the handle comes from a user
// who could not signal the child, for that is another user's by now (a set-user-ID program).
func (p *Process) Signal(sig os.Signal) error {
	return p.signal(sig, func(number syscall.Signal) error {
		if p.ended {
			return os.ErrProcessDone
		}
		return p.child.Signal(number)
	})
}

// SignalAll sends a signal to everybody in the scope, also when the child has ended
// and others have not. The error is [os.ErrProcessDone] if nobody is left.
//
// In a tree the kernel signals all at once since Linux 6.9. Before, one after the other
// is signalled, which takes /proc and can miss somebody who is started meanwhile; and
// once the child has ended, the error wraps [errors.ErrUnsupported]. In a PID namespace
// all are signalled at once, by its init. The error is EAGAIN if the user has as many queued
// signals as RLIMIT_SIGPENDING allows.
//
// The handle of a tree may come from a user who cannot signal all whom this program can. Then one
// after the other is signalled, too, and a member whom that user could not signal is left alone:
// the error wraps syscall.EPERM then.
func (p *Process) SignalAll(sig os.Signal) error {
	return p.signal(sig, func(number syscall.Signal) error {
		if p.ended && p.closed {
			return os.ErrProcessDone
		}
		return p.child.SignalAll(number)
	})
}

func (p *Process) signal(sig os.Signal, send func(syscall.Signal) error) error {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return fmt.Errorf("autokill: signal %v: %w", sig, errors.ErrUnsupported)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return errReleased
	}
	err := send(number)
	if errors.Is(err, os.ErrProcessDone) {
		return os.ErrProcessDone
	}
	return err
}

// Members returns the pids of those who are in the scope now, in order. A pid says
// nothing once its process has ended; to signal all there is [Process.SignalAll].
// After the end of everybody, and after Wait and Close, there are none.
//
// Beyond a single process it looks into /proc, which must be that of this program's PID
// namespace and show the processes of the child's user. In a tree whose child itself has
// ended, it needs Linux 6.9; of a PID namespace our init is left out. Where it cannot tell, the error wraps [errors.ErrUnsupported].
func (p *Process) Members() ([]int, error) {
	p.mu.Lock()
	released, closed := p.released, p.closed
	p.mu.Unlock()
	switch {
	case released:
		return nil, errReleased
	case closed:
		return nil, nil
	}
	// It takes long, and who tells ends waits for the lock.
	members, err := p.child.Members()
	if errors.Is(err, os.ErrClosed) {
		return nil, nil
	}
	return members, err
}

// Kill sends SIGKILL to the child, and to it alone. It does not wait, and the
// handle stays open.
func (p *Process) Kill() error { return p.Signal(syscall.SIGKILL) }

// errReleased matches os.ErrInvalid so that it can be told apart.
var errReleased = fmt.Errorf("autokill: process already released: %w", os.ErrInvalid)

// Release gives the Process up and kills nobody: the child, and everybody in its
// scope, stays bound to the life of this program. From then on Close does nothing, and
// what waits for, signals or asks about the child fails; Done still says when it has
// ended. It may be called any number of times and returns nil.
func (p *Process) Release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.released = true
	if p.ended && p.child.Deserted() {
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

// Scope returns who dies with the handle. After [AttachGroup] it is [ScopeTree].
func (p *Process) Scope() Scope { return Scope(p.child.Scope()) }

// Mechanism returns what is in force: [Native] or [Tripwire].
func (p *Process) Mechanism() Mechanism { return Mechanism(p.child.Kind()) }

// Observer returns a non-blocking pidfd of the child that the caller owns. It is readable when
// the child has ended (poll(2)), and neither keeps the child alive nor kills it.
// The error wraps [os.ErrClosed] after the child has ended and the Process was
// closed.
func (p *Process) Observer() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.released {
		return nil, errReleased
	}
	return duplicateObserver(p.child.Observer)
}

// WithHandle calls f with the number of a pidfd of the child, as
// [os.Process.WithHandle] does. The number is good until f returns. It is an observer,
// and not the handle that keeps the child alive. The error is [os.ErrProcessDone] after
// the child has ended and the Process was closed.
func (p *Process) WithHandle(f func(pidfd uintptr)) error {
	if err := p.usable(); err != nil {
		return err
	}
	// One of its own: f may take its time, or use the Process, while that is closed.
	observer, err := duplicate(p.child.Observer, "autokill observer")
	switch {
	case errors.Is(err, os.ErrClosed):
		return os.ErrProcessDone
	case err != nil:
		return err
	}
	defer observer.Close()
	conn, err := observer.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Control(f)
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
