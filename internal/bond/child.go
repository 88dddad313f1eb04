package bond

import (
	"context"
	"os"
	"syscall"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/descriptor"
	"github.com/autokill/autokill/pidfd"
)

// mechanism is sealed: native and tripwire are all there are.
type mechanism interface {
	kind() Kind
	// prove kills a child by the mechanism, or says why it could not.
	prove() error
	// trust says whether a start may rely on it now.
	trust() error
	// start may change the request.
	start(r *clone.Request, allowNewPrivs bool) (*Child, error)
	await(*Child) Ending
}

// Child is a started child and what belongs to it.
type Child struct {
	Pid int
	// Handle is the one open file that keeps the child alive: closing its last
	// reference kills.
	Handle *descriptor.FD
	// Observer neither keeps nor kills.
	Observer *pidfd.FD

	mechanism mechanism
	everybody everybody
	peer      *os.File     // see post
	mourner   Mourner      // see Follow
	number    uint64       // see followers
	gone      bool         // see convicts, whose lock it has
	refused   func() error // why it is not to be signalled, of a handle that was adopted; or nil
	pidfd     int          // the observer's number, of a child that can be followed
	reaps     *Child       // whom it reaps in its place: monitor or init
	outer     []*pidfd.FD  // who stands around a command in a PID namespace: monitor, init
}

func newChild(pid int, handle *descriptor.FD, observer *pidfd.FD, m mechanism) *Child {
	c := &Child{Pid: pid, Handle: handle, Observer: observer, mechanism: m}
	c.everybody = (*alone)(c)
	return c
}

func newHandle(number int) *descriptor.FD { return descriptor.New(number, "autokill handle") }

// Kind names the mechanism that is in force.
func (c *Child) Kind() Kind { return c.mechanism.kind() }

// Scope says who dies with the handle.
func (c *Child) Scope() Scope { return c.everybody.scope() }

// Kill sends SIGKILL to everybody in the scope whom the kernel reaches in one go, the
// child at least. It is what can be done before the handle is closed.
func (c *Child) Kill() { c.everybody.kill() }

// Signal sends a signal to the child alone.
func (c *Child) Signal(sig syscall.Signal) error {
	return c.sent(sig, c.signal(sig))
}

func (c *Child) signal(sig syscall.Signal) error {
	if c.refused != nil {
		if err := c.refused(); err != nil {
			return err
		}
	}
	return c.Observer.Signal(sig, pidfd.ToReferent)
}

// SignalAll sends a signal to everybody in the scope. The error wraps
// os.ErrProcessDone if nobody is left.
func (c *Child) SignalAll(sig syscall.Signal) error { return c.sent(sig, c.everybody.signal(sig)) }

func (c *Child) sent(sig syscall.Signal, err error) error {
	if err == nil && sig == syscall.SIGKILL {
		c.condemn()
	}
	return err
}

// Members are the pids of those who are in the scope now, in order. Nobody is in it
// after the end.
func (c *Child) Members() ([]int, error) { return c.everybody.members() }

// Deserted says, after the child has ended, that nobody is left in the scope. Nobody
// can come into it then. Where that cannot be known the answer is no.
func (c *Child) Deserted() bool { return c.everybody.deserted() }

// Drop closes the handle, of which others may have references.
func (c *Child) Drop() {
	_ = c.Handle.Close()
	c.condemn()
}

// Close frees everything. It closes the handle, so whoever is left in the scope is
// killed.
func (c *Child) Close() {
	_ = c.Handle.Close()
	_ = c.Observer.Close()
	for _, fd := range c.outer {
		_ = fd.Close()
	}
}

// awaitOuter waits until those around the command have ended, too, and looks at each. One whose
// parent was killed has got another, who reaps it: that is us if we are a subreaper, or an init.
func (c *Child) awaitOuter(look func(*pidfd.FD) (pidfd.Exit, bool, error)) {
	for _, fd := range c.outer {
		_ = fd.Wait(context.Background())
		_, _, _ = look(fd)
	}
}

// Ending is how a child ended.
type Ending struct {
	Known  bool // false: ended, status unknown
	Status syscall.WaitStatus
	Rusage syscall.Rusage // zero where the kernel reaped the child by itself
}

// Await waits for the end of the child and takes care that no zombie is left: it
// must be called, once. Until it returns the Observer stays open.
func (c *Child) Await() Ending { return c.mechanism.await(c) }

// Mourner is told of the end of a child. It must not block, for it keeps others waiting.
type Mourner interface{ Ended(Ending) }

// Error is a start that was refused or failed, by the mechanism of Kind.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Kind.String() + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
