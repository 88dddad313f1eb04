//go:build linux && (amd64 || arm64)

package bond

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/pidfd"
)

// cldDumped is the last of the codes of an end; behind it are stops (asm-generic/siginfo.h).
const cldDumped = 3

// readyWithin waits for the end of a process by its pidfd, or for the end of a pipe. A
// program that is stopped meanwhile still gets the right answer: poll looks once more
// when its time is over.
func readyWithin(fd int, events int16, limit time.Duration) (bool, error) {
	deadline := time.Now().Add(limit)
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		left := max(0, time.Until(deadline))
		n, err := unix.Poll(fds, int(left.Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n > 0, os.NewSyscallError("ppoll", err)
		}
	}
}

// waitEnded takes a thread where Go's poller could not take the pidfd (epoll has limits).
func waitEnded(observer *pidfd.FD) {
	if observer.Wait(context.Background()) == nil {
		return
	}
	if conn, err := observer.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { insist(context.Background(), int(fd), unix.POLLIN) })
	}
}

// waitReaped blocks a thread until the kernel has reaped the child, POLLHUP (Linux 6.9).
func waitReaped(ctx context.Context, fd int) { insist(ctx, fd, 0) }

// insist waits again where a wait has failed: what the kernel lacks it may have soon, and
// the end of a process is not to be told before it was seen.
func insist(ctx context.Context, fd int, events int16) {
	for delay := time.Millisecond; ctx.Err() == nil; delay = min(2*delay, time.Second) {
		ready, err := readyWithin(fd, events, time.Second)
		switch {
		case ready:
			return
		case err != nil:
			time.Sleep(delay)
		}
	}
}
