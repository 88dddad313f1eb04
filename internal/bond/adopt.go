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

	"github.com/autokill/autokill/internal/descriptor"
	"github.com/autokill/autokill/pidfd"
)

// Adopt makes a Child of a handle that somebody else has started it with. It takes the file
// over if it succeeds. Whoever sent the file may be hostile, and so may be whoever else
// holds it: until all is checked nothing is signalled, nothing taken out of the queue, and
// nothing waited for.
//
// What nobody can check is whether a tripwire still is armed, and whether somebody keeps a
// pipe end elsewhere: that takes having the ends in hand, where the child could re-open
// them (parcel.go). A hostile sender can so pass on a child that does not die. He cannot
// pass on one that he could not kill himself.
func Adopt(file *os.File) (*Child, error) {
	handle, err := descriptor.Of(file)
	if err != nil {
		return nil, err
	}
	conn, err := handle.SyscallConn()
	if err != nil {
		return nil, err
	}
	var child *Child
	closed := conn.Control(func(fd uintptr) {
		noSocket := isSocket(int(fd))
		if noSocket == nil {
			child, err = adoptTripwire(int(fd), handle)
			return
		}
		noPidfd := isBound(int(fd))
		if noPidfd == nil {
			child, err = adoptNative(int(fd), handle)
			return
		}
		err = notHandle(fmt.Errorf("it is neither a socket (%w) nor a pidfd that kills (%w)", noSocket, noPidfd))
	})
	if closed != nil {
		return nil, os.ErrClosed
	}
	return child, err
}

// isSocket says why a file is not of the kind that a tripwire has.
func isSocket(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return os.NewSyscallError("getsockopt(SO_DOMAIN)", err)
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case err != nil:
		return os.NewSyscallError("getsockopt(SO_TYPE)", err)
	case domain != unix.AF_UNIX || kind != unix.SOCK_SEQPACKET:
		return errors.New("of another kind")
	}
	return nil
}

// isBound says why a file is not a pidfd, or not that of an autokill clone.
func isBound(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	switch {
	case err != nil:
		return os.NewSyscallError("fcntl(F_GETFL)", err)
	case flags&autokillBit == 0:
		return errors.New("without PIDFD_AUTOKILL")
	}
	err = unix.Waitid(unix.P_PIDFD, fd, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	if err == nil || errors.Is(err, unix.ECHILD) {
		return nil
	}
	return os.NewSyscallError("waitid", err) // EBADF is a file of another kind
}

// adopted is a mechanism whose child was started by another program, or by this one
// before an exec.
type adopted struct {
	mechanism
	started int // the pid of what a start has made: the child, or what stands around it
	// late: a native child had ended before, or has no number here. It may be the init of a
	// PID namespace, whose exit status is 0 whatever the command's was.
	late bool
	// attached: another process than the child has made the parcel, so it was started in another
	// way, and whoever did that reaps it, with os/exec for example.
	attached bool
}

// await reaps, too, unless another does: a program that has replaced itself is the
// parent still. Of a PID namespace that is the parent of what stands around the command, whom the
// init reaps.
func (a adopted) await(c *Child) Ending {
	look, lookOuter := c.Observer.Peek, (*pidfd.FD).Peek
	if !a.attached && ours.claim(a.started, c) == c {
		defer ours.drop(a.started, c)
		if lookOuter = (*pidfd.FD).Reap; len(c.outer) == 0 {
			look = c.Observer.Reap
		}
	}
	waitEnded(c.Observer)
	defer c.awaitOuter(lookOuter)
	if exit, ended, err := look(); err == nil && ended {
		return seen(exit)
	}
	end := obituary(c)
	if a.late && end.Status == 0 {
		return Ending{}
	}
	return end
}

// grace is how long the parent of a child that has ended may take to reap it. There are
// parents that never do.
const grace = time.Second

// obituary is what somebody else's child leaves behind.
func obituary(c *Child) Ending {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	end := posthumous(ctx, c)
	if !end.Known && c.Kind() == Tripwire {
		end = posted(ctx, c)
	}
	return end
}

// adoptTripwire reads the description, and what comes behind the parcel.
func adoptTripwire(fd int, handle *descriptor.FD) (*Child, error) {
	scope, err := firstLook(fd)
	if err != nil {
		return nil, notHandle(err)
	}
	if err := countFiles(fd, parcelFiles(scope)); err != nil {
		return nil, err
	}
	target, maker, err := describedBy(fd, 0, descriptionSize, 1)
	if err != nil {
		return nil, err
	}
	observer := target[0]
	pid, err := pidOf(observer)
	if err != nil {
		observer.Close()
		return nil, err
	}
	m := adopted{mechanism: tripwire{scope}, started: pid, attached: int(maker.Pid) != pid}
	if scope == ScopePIDNamespace {
		inside, _, err := describedBy(fd, parcelSize(scope)-headerSize, headerSize, 2)
		if err != nil {
			observer.Close()
			return nil, err
		}
		return adoptDwellers(handle, m, inside[0], inside[1], observer)
	}
	child := newChild(pid, handle, observer, m)
	by := weaker(maker)
	child.refused = func() error { return refusal(by, pid, observer) }
	switch {
	case pid == 0:
		child.everybody = abroad{scope, observer}
	case scope == ScopeTree:
		child.everybody = group{pid, observer, by}
	}
	return child, nil
}

// firstLook asks for no descriptors, and leaves a socket that is something else as it was.
func firstLook(fd int) (scope Scope, err error) {
	look := func() ([]byte, error) {
		m, err := peek(fd, 0)
		if err == nil {
			scope, _, err = parseDescription(m.text)
		}
		return m.text, err
	}
	if err = undisturbed(look); err == nil {
		return scope, nil
	}
	offset, noOffset := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF)
	if noOffset != nil || offset < 0 {
		return 0, err
	}
	// Somebody has left an offset: whoever shares a handle can do that.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, -1)
	if _, err = look(); err != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, offset)
	}
	return scope, err
}

// describedBy gives the pidfds of a message, all of processes that its sender could have
// killed without the handle, and who that was.
func describedBy(fd, behind, size, count int) (observers []*pidfd.FD, sender unix.Ucred, err error) {
	err = undisturbed(func() ([]byte, error) {
		// A holder can take this back, so it is asked for each time.
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
			return nil, os.NewSyscallError("setsockopt(SO_PASSCRED)", err)
		}
		m, err := peekBehind(fd, behind, count)
		if err == nil {
			observers, err = believe(m, size, count)
			sender = m.sender
		}
		return m.text, err
	})
	if err != nil {
		return nil, unix.Ucred{}, notHandle(err)
	}
	return observers, sender, nil
}

// believe takes the descriptors of a message over, or closes them.
func believe(m message, size, count int) (_ []*pidfd.FD, err error) {
	var observers []*pidfd.FD
	defer func() {
		if err != nil {
			m.close()
			for _, o := range observers {
				o.Close()
			}
		}
	}()
	switch {
	case len(m.text) != size:
		return nil, fmt.Errorf("a message in its queue has %d bytes instead of %d", len(m.text), size)
	case len(m.files) != count:
		return nil, fmt.Errorf("a message in its queue has %d descriptors instead of %d, or this program may open no more", len(m.files), count)
	}
	if _, err := parseHeader(m.text); err != nil {
		return nil, err
	}
	for len(m.files) > 0 {
		file := os.NewFile(uintptr(m.files[0]), "pidfd")
		observer, err := pidfd.FromFile(file)
		m.files = m.files[1:]
		if err != nil {
			file.Close()
			return nil, err
		}
		observers = append(observers, observer)
		handle, err := observer.Autokill()
		switch {
		case err != nil:
			return nil, err
		case handle:
			return nil, errors.New("it has another handle in its queue")
		}
		if err := couldKill(m.sender, observer); err != nil {
			return nil, err
		}
	}
	return observers, nil
}

// adoptNative finds out whether the child is the init of a PID namespace of ours.
func adoptNative(fd int, handle *descriptor.FD) (*Child, error) {
	observer, err := reopen(fd)
	if err != nil {
		return nil, err
	}
	namespace, err := namespaceOfOurInit(observer)
	if namespace != nil {
		defer namespace.Close()
		return adoptInit(handle, observer, namespace)
	}
	var pid int
	if err == nil {
		pid, err = pidOf(observer)
	}
	if err != nil {
		observer.Close()
		return nil, err
	}
	child := newChild(pid, handle, observer, adopted{mechanism: native{}, started: pid, late: pid <= 0})
	if pid == 0 {
		child.everybody = abroad{ScopeProcess, observer}
	}
	return child, nil
}

// reopen makes the observer of a handle.
func reopen(handle int) (*pidfd.FD, error) {
	fd, err := lookAgain(handle)
	switch {
	case errors.Is(err, unix.ESRCH):
		return twin(handle) // reaped: now a duplicate keeps nobody alive
	case slices.ContainsFunc(denials, func(denial error) bool { return errors.Is(err, denial) }):
		// As in Docker's profile. A process that has a number here can be opened by that.
		second, failed := twin(handle)
		if failed != nil {
			return nil, failed
		}
		defer second.Close()
		if pid, failed := pidOf(second); failed == nil && pid > 0 {
			fd, err := observe(pid, handle)
			if err != nil {
				return nil, err
			}
			return observerOf(fd)
		}
		return nil, err
	case err != nil:
		return nil, err
	}
	return observerOf(fd)
}

// twin is a duplicate of the handle.
func twin(handle int) (*pidfd.FD, error) {
	fd, err := unix.FcntlInt(uintptr(handle), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl(F_DUPFD_CLOEXEC)", err)
	}
	return observerOf(fd)
}
