package autokill

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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

// receivePiece reads once, and what descriptors there are. At the end it returns 0 bytes.
func receivePiece(conn syscall.RawConn, b []byte) (n int, files []*os.File, err error) {
	control := make([]byte, unix.CmsgSpace(4*2)) // one more than there should be
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
		numbers, err := unix.ParseUnixRights(&parts[i])
		if err != nil {
			continue // credentials, which conn may have asked for
		}
		for _, fd := range numbers {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = fmt.Errorf("%w: a message that is too long, or has too many descriptors", ErrNotHandle)
	}
	if err != nil {
		for _, file := range files {
			file.Close()
		}
		return n, nil, err
	}
	return n, files, nil
}
