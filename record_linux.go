package autokill

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/bond"
)

// rightsOf makes the control message that sends a file. Its number is not to be closed
// before the message is sent: the file is the caller's own.
func rightsOf(file *os.File) ([]byte, error) {
	if file == nil {
		return nil, nil
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var rights []byte
	err = conn.Control(func(fd uintptr) { rights = unix.UnixRights(int(fd)) })
	return rights, err
}

// sendPiece writes once. It waits like any write to the connection: in Go's poller, until
// the deadline, or in the kernel if the file is a blocking one.
func sendPiece(conn syscall.RawConn, b, rights []byte) (n int, err error) {
	closed := conn.Write(func(fd uintptr) bool {
		for {
			n, err = unix.SendmsgN(int(fd), b, rights, nil, unix.MSG_NOSIGNAL)
			if !errors.Is(err, unix.EINTR) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	if closed != nil {
		return 0, closed
	}
	return n, os.NewSyscallError("sendmsg", err)
}

// carries refuses a connection that cannot carry descriptors: of those the kernel sends the bytes
// without them, and no error.
func carries(conn syscall.RawConn) error {
	var domain int
	var err error
	if closed := conn.Control(func(fd uintptr) {
		domain, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
	}); closed != nil {
		return closed
	}
	if err == nil && domain != unix.AF_UNIX {
		return fmt.Errorf("the connection is no unix socket: %w", os.ErrInvalid)
	}
	return nil
}

// controlSize has room for one descriptor more than there should be, and for what the kernel
// adds if the owner of the connection has asked it to tell who the sender is: credentials,
// before the descriptors (SO_PASSCRED), and a pidfd behind them (SO_PASSPIDFD, 6.5).
var controlSize = unix.CmsgSpace(unix.SizeofUcred) + unix.CmsgSpace(4*2) + unix.CmsgSpace(4)

// receivePiece reads once, and what descriptors there are. At the end it returns 0 bytes.
//
// MSG_CTRUNC is not an error by itself, for the caller counts. It can mean the pidfd alone. Of
// too many descriptors more than one comes, unless this program may open no more: the one that
// it gets then is looked at like any other, and the kernel has closed the rest.
func receivePiece(conn syscall.RawConn, b []byte) (n int, files []*os.File, err error) {
	control := make([]byte, controlSize)
	var size, flags int
	closed := conn.Read(func(fd uintptr) bool {
		for {
			n, size, flags, _, err = unix.Recvmsg(int(fd), b, control, unix.MSG_CMSG_CLOEXEC)
			if !errors.Is(err, unix.EINTR) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	switch {
	case closed != nil:
		return 0, nil, closed
	case err != nil:
		return 0, nil, os.NewSyscallError("recvmsg", err)
	}
	parts, err := unix.ParseSocketControlMessage(control[:size])
	for i := range parts {
		if fd, added := bond.AddedPidfd(parts[i]); added {
			_ = unix.Close(fd)
		}
		numbers, err := unix.ParseUnixRights(&parts[i])
		if err != nil {
			continue // credentials, or the pidfd
		}
		for _, fd := range numbers {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	if err == nil && flags&unix.MSG_TRUNC != 0 {
		err = fmt.Errorf("%w: a message that is too long", ErrNotHandle)
	}
	if err != nil {
		for _, file := range files {
			file.Close()
		}
		return n, nil, err
	}
	return n, files, nil
}
