//go:build linux && (amd64 || arm64)

package bond

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Ledger of kernel versions for reading the queue of a handle, which never takes anything
// out of it: that would kill.
//
//	MSG_PEEK       always gives copies of the descriptors in the message
//	SO_PEEK_OFF    3.4: a peek skips that many bytes, and moves on by what it has seen. It
//	               is the socket's, and so shared by all who hold the handle.
//	SO_PASSPIDFD   6.5: each message comes with a pidfd of its sender (SCM_PIDFD), behind the
//	               descriptors that are in it. It is the socket's, too.

// message is one message in a queue.
type message struct {
	text  []byte
	files []int // close-on-exec, for the caller to close
	// unasked are pidfds that the kernel has made for us because a holder has set SO_PASSPIDFD.
	unasked []int
	// sender is who sent it, as the kernel says: the real uid in our user namespace. A
	// pid of 0 is one who is not in our PID namespace, and with the overflow uid also one
	// whom nobody has asked the kernel to note.
	sender unix.Ucred
}

func (m message) close() {
	for _, fd := range m.files {
		_ = unix.Close(fd)
	}
}

// longest is more than any message of a parcel has.
const longest = 64

// peek gives the first message. It has room for so many descriptors; of a message that has
// more the caller gets more, or an error.
func peek(handle, files int) (message, error) {
	text := make([]byte, longest)
	// With room for a pidfd that nobody has asked for: without, a holder who sets
	// SO_PASSPIDFD would have the message count as cut off.
	control := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(4*max(files, 1))+unix.CmsgSpace(4))
	if files == 0 {
		control = nil // then the kernel makes none
	}
	for resets := 0; ; {
		n, size, flags, _, err := unix.Recvmsg(handle, text, control, unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECONNRESET) && resets < 8:
			// Somebody has written to the handle. The kernel tells that once.
			resets++
			continue
		case err != nil:
			return message{}, os.NewSyscallError("recvmsg", err)
		}
		m, err := parseMessage(text[:n], control[:size])
		for _, fd := range m.unasked {
			_ = unix.Close(fd)
		}
		if err == nil && (flags&unix.MSG_TRUNC != 0 || files > 0 && flags&unix.MSG_CTRUNC != 0) {
			err = errors.New("a message in its queue is too long, or this program may open no more files")
		}
		if err != nil {
			m.close()
		}
		return m, err
	}
}

func parseMessage(text, control []byte) (message, error) {
	m := message{text: text}
	parts, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return m, fmt.Errorf("a message in its queue: %w", err)
	}
	for i := range parts {
		// The kernel writes whole ones. The functions of package unix panic at others.
		size := len(parts[i].Data)
		if size < unix.SizeofUcred && parts[i].Header.Type == unix.SCM_CREDENTIALS || size%4 != 0 {
			continue
		}
		if creds, err := unix.ParseUnixCredentials(&parts[i]); err == nil {
			m.sender = *creds
		}
		if files, err := unix.ParseUnixRights(&parts[i]); err == nil {
			m.files = append(m.files, files...)
		}
		if fd, added := AddedPidfd(parts[i]); added {
			m.unasked = append(m.unasked, fd)
		}
	}
	return m, nil
}

// peekBehind gives the message that comes after so many bytes.
func peekBehind(handle, bytes, files int) (message, error) {
	// Other holders may be doing the same.
	before, err := unix.GetsockoptInt(handle, unix.SOL_SOCKET, unix.SO_PEEK_OFF)
	if err == nil {
		err = unix.SetsockoptInt(handle, unix.SOL_SOCKET, unix.SO_PEEK_OFF, bytes)
	}
	if err != nil {
		return message{}, os.NewSyscallError("setsockopt(SO_PEEK_OFF)", err)
	}
	m, err := peek(handle, files)
	_ = unix.SetsockoptInt(handle, unix.SOL_SOCKET, unix.SO_PEEK_OFF, min(before, -1))
	return m, err
}

// undisturbed looks again and again, for some hundredths of a second, as long as what it
// sees could be another holder's doing, who is reading the queue, too.
func undisturbed(look func() (seen []byte, err error)) error {
	for delay := 10 * time.Microsecond; ; delay *= 2 {
		seen, err := look()
		ours := errors.Is(err, unix.EAGAIN) || bytes.HasPrefix(seen, []byte(parcelMagic))
		if err == nil || !ours || delay > 10*time.Millisecond {
			return err
		}
		time.Sleep(delay)
	}
}
