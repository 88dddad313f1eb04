//go:build linux && (amd64 || arm64)

package bond

import (
	"context"
	"encoding/binary"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/pidfd"
)

// How a child has ended is told by the kernel to its parent alone, before Linux 6.15. So
// that other holders of a tripwire can know, the parent keeps the peer of the handle there,
// and leaves the status in the queue, behind the parcel.
//
// Ledger of kernel versions:
//
//	PIDFD_INFO_EXIT   6.15. Everybody with a pidfd can ask: the peer is closed at once.
//	SO_PEEK_OFF       3.4, of this type of socket too: the queue is read from behind the parcel on

// postSize is that of a header and a status in the format of wait4(2).
const postSize = headerSize + 4

// post leaves the status for other holders, if it is known and they need it.
func (c *Child) post(end Ending) {
	if c.peer == nil {
		return
	}
	defer c.peer.Close()
	if !end.Known {
		return
	}
	message := binary.NativeEndian.AppendUint32(appendHeader(nil, c.Scope()), uint32(end.Status))
	conn, err := c.peer.SyscallConn()
	if err == nil {
		// A queue that is full is a hostile holder's work. This must not wait for him.
		_ = conn.Control(func(fd uintptr) { _ = unix.Send(int(fd), message, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT) })
	}
}

// posted waits for the status that the parent leaves, until nobody can any more. The
// child has ended.
func posted(ctx context.Context, c *Child) Ending {
	conn, err := c.Handle.SyscallConn()
	if err != nil {
		return Ending{}
	}
	for delay := time.Millisecond; ; delay = min(2*delay, 100*time.Millisecond) {
		var end Ending
		var over bool
		// No call that blocks: nobody could close the handle meanwhile.
		err := conn.Control(func(fd uintptr) {
			// This is asked first: what was posted before the hang-up is then seen.
			over = peerGone(int(fd))
			end = readPost(int(fd), c.Scope())
		})
		if err != nil || over || end.Known {
			return end
		}
		select {
		case <-ctx.Done():
			return Ending{}
		case <-time.After(delay):
		}
	}
}

func readPost(handle int, s Scope) Ending {
	m, err := peekBehind(handle, parcelSize(s), 0)
	if err != nil || len(m.text) != postSize {
		return Ending{}
	}
	if scope, err := parseHeader(m.text); err != nil || scope != s {
		return Ending{}
	}
	return Ending{Known: true, Status: syscall.WaitStatus(binary.NativeEndian.Uint32(m.text[headerSize:]))}
}

// peerGone says whether the other end of a socket pair is closed, by all who had it.
func peerGone(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	for {
		n, err := unix.Poll(fds, 0)
		if !errors.Is(err, unix.EINTR) {
			return err != nil || n > 0 && fds[0].Revents != 0
		}
	}
}

// tellsExits says whether the kernel is known to tell everybody how a process has ended.
func (k *kernel) tellsExits() bool { return k.exits.Load() == has }

// learnOfExits finds out from a process that was reaped just now. It takes the pidfd.
func (k *kernel) learnOfExits(number int) {
	observer, err := observerOf(number)
	if err != nil {
		return
	}
	defer observer.Close()
	answer := int32(hasNot)
	if info, err := observer.Info(pidfd.InfoExit); err == nil {
		if _, told := info.Exit(); told {
			answer = has
		}
	}
	k.exits.Store(answer)
}
