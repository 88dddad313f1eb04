package cli

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// describe looks at a descriptor; inherited are those that the command gets beyond
// the first three.
func describe(fd int, inherited []*os.File) (descriptor, error) {
	d := descriptor{otherEnd: -1}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); errors.Is(err, unix.EBADF) {
		return d, nil
	} else if err != nil {
		return d, os.NewSyscallError("fstat", err)
	}
	mode, err := accessMode(fd)
	if err != nil {
		return d, err
	}
	d.readWrite = mode == unix.O_RDWR
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO:
		d.kind = pipeOrFIFO
		d.otherEnd = otherEnd(fd, st, mode, inherited)
	case unix.S_IFSOCK:
		d.kind = otherKind
		if t, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil && t != unix.SOCK_DGRAM && t != unix.SOCK_RAW {
			d.kind = connection
		}
		listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		d.listening = err == nil && listening != 0
	default:
		d.kind = otherKind
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			d.kind = terminal
		}
	}
	return d, nil
}

// otherEnd finds the other end of a pipe among the descriptors of the command.
func otherEnd(fd int, pipe unix.Stat_t, mode int, inherited []*os.File) int {
	for n := range 3 + len(inherited) {
		if n == fd || n >= 3 && inherited[n-3] == nil {
			continue
		}
		var st unix.Stat_t
		if unix.Fstat(n, &st) != nil || st.Dev != pipe.Dev || st.Ino != pipe.Ino {
			continue
		}
		if other, err := accessMode(n); err == nil && other != mode {
			return n
		}
	}
	return -1
}

func accessMode(fd int) (int, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return 0, os.NewSyscallError("fcntl(F_GETFL)", err)
	}
	return flags & unix.O_ACCMODE, nil
}

// hungUp waits for the other side to be gone: POLLHUP for a pipe's reading end and
// for sockets, POLLERR for a pipe's writing end, POLLRDHUP for a peer that has closed
// (TCP) or will send no more. Waiting for ever costs a thread: Go's poller would make
// the descriptor non-blocking for everybody who shares it.
func hungUp(fd, timeout int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	for {
		n, err := unix.Poll(fds, timeout)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		case err != nil:
			return false, os.NewSyscallError("poll", err)
		default:
			return n > 0, nil
		}
	}
}
