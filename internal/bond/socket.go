//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// endpoint is what matters about a descriptor by whose other end a program wants to be
// held.
type endpoint struct {
	unknown      error // why the rest is not known, if a question was refused
	open         bool
	domain, kind int // of a socket, or zero
	listening    bool
	connected    bool
	queued       int // what was sent and has not been read, in bytes of the kernel's memory
}

// inspect looks at a descriptor. What cannot be known is left zero.
func inspect(fd int) endpoint {
	var e endpoint
	// answered says whether a question was, and keeps the first errno that is no answer.
	answered := func(question string, err error, answers ...error) bool {
		if err != nil && e.unknown == nil && !slices.Contains(answers, err) {
			e.unknown = os.NewSyscallError(question, err)
		}
		return err == nil
	}
	option := func(question string, name int) int {
		n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, name)
		answered("getsockopt("+question+")", err, unix.ENOTSOCK)
		return n
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if e.open = answered("fcntl(F_GETFD)", err, unix.EBADF); !e.open {
		return e
	}
	e.domain, e.kind = option("SO_DOMAIN", unix.SO_DOMAIN), option("SO_TYPE", unix.SO_TYPE)
	e.listening = option("SO_ACCEPTCONN", unix.SO_ACCEPTCONN) != 0
	_, err = unix.Getpeername(fd)
	e.connected = answered("getpeername", err, unix.ENOTSOCK, unix.ENOTCONN)
	if n, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ); err == nil {
		e.queued = n
	}
	return e
}

// canHold says that it is of the one kind that a handle is, if it comes from a parcel. Of unix
// sockets only SOCK_SEQPACKET keeps messages apart and tells of a hang-up.
func (e endpoint) canHold() bool { return e.domain == unix.AF_UNIX && e.kind == unix.SOCK_SEQPACKET }

// refusal says why a descriptor cannot be used.
func (e endpoint) refusal() error {
	switch {
	case e.unknown != nil:
		return fmt.Errorf("what it is cannot be known: %w", e.unknown)
	case !e.open:
		return errors.New("it is not open: the starter must let it be inherited")
	case !e.canHold():
		return errors.New("it is no end of socketpair(AF_UNIX, SOCK_SEQPACKET): where there is no way to make one, autokill run --hold takes a pipe or any other socket")
	case e.listening, !e.connected:
		return errors.New("it is not connected: take one end of a socketpair and keep the other")
	case e.queued > 0:
		return errors.New("something was sent through it already: a pair of sockets binds one command")
	}
	return nil
}
