package bond

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// AddedPidfd gives the pidfd of the sender that the kernel has added to a message, which was not
// asked for by whoever reads it: SO_PASSPIDFD (6.5) belongs to the socket, and so to all who hold
// it. The descriptor is the caller's to close.
func AddedPidfd(part unix.SocketControlMessage) (fd int, added bool) {
	if part.Header.Level != unix.SOL_SOCKET || part.Header.Type != unix.SCM_PIDFD || len(part.Data) != 4 {
		return -1, false
	}
	// An errno, negative, where the kernel could not make one.
	fd = int(int32(binary.NativeEndian.Uint32(part.Data)))
	return fd, fd >= 0
}
