//go:build linux

package testproc

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Watched are processes by their pidfds, which see the end of a process that has closed
// every descriptor, too.
type Watched struct {
	fds []unix.PollFd
}

// ended is in the place of the pidfd of who was reaped.
const ended = -1

// Watch opens them. Who was reaped before that has ended; its number must not be another's
// by now.
func Watch(t testing.TB, pids []int) *Watched {
	t.Helper()
	w := new(Watched)
	t.Cleanup(w.Close)
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			fd = ended
		} else if err != nil {
			t.Fatalf("process %d: %v", pid, err)
		}
		w.fds = append(w.fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	return w
}

// Close gives them up before the test ends, which does it at the latest.
func (w *Watched) Close() {
	for _, fd := range w.fds {
		if fd.Fd != ended {
			_ = unix.Close(int(fd.Fd))
		}
	}
	w.fds = nil
}

// Living are those that have not ended after some time, by their index.
func (w *Watched) Living(t testing.TB, patience time.Duration) []int {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		var left []unix.PollFd
		var living []int
		if _, err := unix.Poll(w.fds, 0); err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
		for i, fd := range w.fds {
			if fd.Revents == 0 && fd.Fd != ended {
				left, living = append(left, fd), append(living, i)
			}
		}
		rest := time.Until(deadline)
		if len(living) == 0 || rest <= 0 {
			return living
		}
		// The one that ends next wakes us up.
		_, _ = unix.Poll(left, int(rest.Milliseconds())+1)
	}
}

// Kill sends SIGKILL to one of them: the kernel tries again here if an exec is in the way.
func (w *Watched) Kill(i int) { _ = unix.PidfdSendSignal(int(w.fds[i].Fd), unix.SIGKILL, nil, 0) }
