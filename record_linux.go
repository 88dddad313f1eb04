package autokill

import (
	"errors"
	"fmt"
	"net"
	"os"

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

// receiveFiles reads once, and what descriptors there are.
func receiveFiles(conn *net.UnixConn, b []byte) (int, []*os.File, error) {
	control := make([]byte, unix.CmsgSpace(4*2)) // one more than there should be
	n, size, flags, _, err := conn.ReadMsgUnix(b, control)
	if err != nil {
		return n, nil, err
	}
	var files []*os.File
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
		return n, nil, errors.Join(err)
	}
	return n, files, nil
}
