//go:build linux && (amd64 || arm64)

package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/descriptor"
	"github.com/autokill/autokill/pidfd"
)

// tripwire ties the child to one end of a socket pair. The child puts a parcel into
// the queue of that end (see parcel.go), and the end alone keeps the parcel: when
// its last reference goes, the kernel flushes the queue, and that kills.
//
// The child holds a copy of the end until it gives up its descriptors. If the
// holder has died by then the copy was the last one, and giving it up is what
// kills the child: no moment is uncovered.
type tripwire struct{ scope Scope }

func (tripwire) kind() Kind { return Tripwire }

// trust is given to a mechanism that was seen to kill, for a while.
func (t tripwire) trust() error { return tripped[t.scope].check(time.Now(), t.prove) }

func (t tripwire) start(r *clone.Request, allowNewPrivs bool) (*Child, error) {
	r.NoNewPrivs = !allowNewPrivs
	// A proof copies the table: it closes the handle while the child still runs its steps.
	r.Shared = r.CopiesTable() == nil
	p := takeParcel(t.scope)
	defer p.putBack()
	if t.scope == ScopePIDNamespace {
		r.Prologue = append(p.introduction(), r.Prologue...)
	}
	pending, sockets, err := p.clone(r)
	if err != nil {
		return nil, err
	}
	c, err := pending.Wait()
	if err != nil {
		sockets.close()
		return nil, err
	}
	observer, err := t.scope.observer(c.Pidfd)
	if err != nil {
		sockets.close() // the last reference: kills
		waitFor(c.Pid, unix.WEXITED)
		return nil, err
	}
	child := newChild(c.Pid, sockets.handle, observer, t)
	child.pidfd, child.peer = c.Pidfd, sockets.postbox()
	ours.put(child)
	if t.scope == ScopeTree {
		child.everybody = group{leader: c.Pid, observer: observer}
	}
	return child, nil
}

// socketPair is what the caller of a clone holds. The peer keeps nobody alive; it is -1
// once it is closed or given away.
type socketPair struct {
	handle *descriptor.FD
	peer   int
}

func newSocketPair(numbers [2]int) socketPair {
	return socketPair{newHandle(numbers[0]), numbers[1]}
}

func (s *socketPair) close() {
	_ = s.handle.Close()
	s.closePeer()
}

func (s *socketPair) closePeer() {
	if s.peer >= 0 {
		_ = unix.Close(s.peer)
		s.peer = -1
	}
}

// postbox gives the peer away for the status of the child (posted.go), or closes it and is
// nil where the kernel tells that everybody.
func (s *socketPair) postbox() *os.File {
	if running.tellsExits() {
		s.closePeer()
		return nil
	}
	peer := os.NewFile(uintptr(s.peer), "peer of an autokill handle")
	s.peer = -1
	return peer
}

// clone starts a child that makes this parcel first. The handle is blocking and
// nothing ever reads it: a read would consume the parcel, which kills.
func (p *parcel) clone(r *clone.Request) (pending clone.Pending, sockets socketPair, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return pending, sockets, os.NewSyscallError("socketpair", err)
	}
	sockets = newSocketPair(pair)
	defer func() {
		if err != nil {
			sockets.close()
		}
	}()
	if slices.Contains(r.Files, pair[0]) || slices.Contains(r.Files, pair[1]) {
		// The number was a file's for the child, which somebody has closed since. Now
		// the child would get its own handle.
		return pending, sockets, fmt.Errorf("a file for the child was closed during the start: %w", os.ErrClosed)
	}
	// The kernel notes in each message who has sent it. A holder who has not started the
	// child goes by that (adopt.go).
	if err := unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return pending, sockets, os.NewSyscallError("setsockopt(SO_PASSCRED)", err)
	}
	p.socket = int32(pair[1])
	r.Self = &p.self
	p.begin(r)
	if p.scope == ScopeTree {
		p.seal(r)
	}
	pending, err = ours.clone(p, r)
	if err == nil {
		publish(pair[0], p.scope, pending.Pid())
	}
	return pending, sockets, err
}

func (tripwire) await(c *Child) Ending {
	end := reap(c)
	c.reaped(end)
	return end
}

// reaped does what is to be done then.
func (c *Child) reaped(end Ending) {
	ours.drop(c.Pid, c)
	c.post(end)
}

// reap waits for the end and reaps: the exec has made the child an ordinary one.
func reap(c *Child) Ending {
	for waited := false; ; waited = true {
		end, ended, err := c.reapNow()
		switch {
		case errors.Is(err, unix.ECHILD):
			// Somebody else's wait got it. Linux 6.15 and later still tell.
			return posthumous(context.Background(), c)
		case err != nil:
			return reapByNumber(c)
		case ended:
			return end
		case waited:
			// Ended, but nothing to reap: a tracer comes before the parent
			// (ptrace(2)), and only a blocking wait notices when it is done.
			waitFor(c.Pid, unix.WEXITED|unix.WNOWAIT)
		default:
			if c.Observer.Wait(context.Background()) != nil {
				waitFor(c.Pid, unix.WEXITED|unix.WNOWAIT) // where poll is denied
			}
		}
	}
}

// reapNow reaps if the child has ended and nobody comes first.
func (c *Child) reapNow() (Ending, bool, error) {
	exit, ended, err := c.Observer.Reap()
	return seen(exit), ended, err
}

// seen is the ending of a child as its parent sees it.
func seen(exit pidfd.Exit) Ending {
	return Ending{Known: true, Status: exit.Status, Rusage: exit.Usage}
}

// reapByNumber is for where a filter denies waitid.
func reapByNumber(c *Child) Ending {
	_ = c.Observer.Wait(context.Background()) // costs no thread
	status, usage, err := clone.Reap(c.Pid)
	if err != nil {
		return posthumous(context.Background(), c)
	}
	return Ending{Known: true, Status: status, Rusage: usage}
}

// waitFor blocks a thread in waitid until the child has ended. A zombie keeps its
// pid from being used again; if somebody else reaps it just now, and the next child
// of ours gets the pid, the wait is for that one.
func waitFor(pid, options int) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, options|unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err == nil && info.Code > cldDumped:
			// A stop, for we are its tracer. With WNOWAIT it is told again.
			time.Sleep(10 * time.Millisecond)
		case err != nil && !errors.Is(err, unix.ECHILD) && options&unix.WNOWAIT == 0:
			_, _, _ = clone.Reap(pid)
			return
		default:
			return
		}
	}
}
