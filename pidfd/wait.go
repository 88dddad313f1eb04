package pidfd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// stage is how far a process has come.
type stage int

const (
	running stage = iota
	ended         // a zombie (POLLIN)
	reaped        // and gone (POLLHUP, Linux 6.9)
)

// Wait returns nil as soon as the process has ended, with all its threads, or
// at once if it has already, even if ctx is done. It reaps nothing and tells
// nothing: the parent can [FD.Reap] now, everybody else uses [FD.WaitReaped].
// Who else waits, and in what way, makes no difference.
//
// Otherwise it returns ctx.Err() when ctx is done, and an error that wraps
// [os.ErrClosed] when fd is closed.
//
// Any number of goroutines can wait. Together they cost one goroutine more,
// and no thread: Go's poller watches the descriptor. That goroutine stays until
// the process ends or fd is closed, also if all those who waited have given up.
func (fd *FD) Wait(ctx context.Context) error {
	return fd.await(ctx, ended)
}

// WaitReaped is like Wait, but returns when the process is not even a zombie
// any more (Linux 6.9): its parent has reaped it, or it has reaped itself. Then
// its exit information is there for [FD.Info] (Linux 6.15). A parent that
// waits for this and does not reap waits for ever.
//
// Before Linux 6.9 the error wraps [errors.ErrUnsupported].
func (fd *FD) WaitReaped(ctx context.Context) error {
	err := fd.control(func(n int) error {
		own, err := onPidfs(n)
		if err != nil {
			return os.NewSyscallError("fstatfs", err)
		}
		if !own {
			return lacking("pidfd", "waiting for the reap", "6.9", errors.ErrUnsupported)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fd.await(ctx, reaped)
}

func (fd *FD) await(ctx context.Context, want stage) error {
	now, err := fd.stage()
	if err != nil {
		return err
	}
	if now >= want {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := fd.watch(want)
	if err != nil {
		return err
	}
	reached := w.ended
	if want == reaped {
		reached = w.reaped
	}
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stopped:
	}
	select {
	case <-reached:
		return nil
	default:
		return w.err
	}
}

func (fd *FD) stage() (stage, error) {
	now := running
	err := fd.control(func(n int) error {
		in, hup, err := poll(n)
		switch {
		case err != nil:
			return os.NewSyscallError("poll", err)
		case hup:
			now = reaped
		case in:
			now = ended
		}
		return nil
	})
	return now, err
}

// watcher is one goroutine that follows one descriptor for all who wait. There
// has to be just one, because a descriptor has one reader in Go's poller.
type watcher struct {
	ended, reaped chan struct{} // closed when the process has come so far
	stopped       chan struct{} // closed last
	err           error         // why it stopped early; to be read after stopped

	until stage    // how far somebody wants it to go; guarded by FD.mu
	epoll *os.File // what Go's poller watches in place of a blocking pidfd
}

// watch returns a watcher that will go as far as want at least.
func (fd *FD) watch(want stage) (*watcher, error) {
	file, err := fd.file.File()
	if err != nil {
		return nil, explained(err)
	}
	source, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd.mu.Lock()
	defer fd.mu.Unlock()
	if w := fd.watcher; w != nil {
		w.until = max(w.until, want)
		return w, nil
	}
	w := &watcher{
		ended:   make(chan struct{}),
		reaped:  make(chan struct{}),
		stopped: make(chan struct{}),
		until:   want,
	}
	// The only question the runtime answers about its poller: a file that it
	// does not watch (a blocking pidfd from FromFile) has no deadlines.
	if file.SetReadDeadline(time.Time{}) != nil {
		// An epoll instance is pollable itself. It watches the pidfd without a
		// change to the pidfd's flags, which are not ours alone.
		err := fd.control(func(n int) error {
			epoll, err := epollOn(n)
			if err != nil {
				return os.NewSyscallError("epoll", err)
			}
			w.epoll = os.NewFile(uintptr(epoll), "epoll")
			return nil
		})
		if err != nil {
			return nil, err
		}
		if source, err = w.epoll.SyscallConn(); err != nil {
			return nil, err
		}
	}
	fd.watcher = w
	go fd.follow(w, source)
	return w, nil
}

// follow runs until the process has come as far as anybody wants it to.
func (fd *FD) follow(w *watcher, source syscall.RawConn) {
	last := running
	// Go's poller is edge-triggered and may wake for nothing. Read forgets
	// older edges before it calls the function for the first time, and none
	// that come after: asking the descriptor itself each time misses nothing.
	err := source.Read(func(uintptr) bool {
		var now stage
		now, w.err = fd.stage()
		if now >= ended && last < ended {
			close(w.ended)
		}
		if now >= reaped && last < reaped {
			close(w.reaped)
		}
		last = max(last, now)
		return w.err != nil || fd.leave(w, last)
	})
	if err != nil && w.err == nil {
		// The runtime's error for a closed file is internal to it.
		if w.err = fd.control(func(int) error { return nil }); w.err == nil {
			w.err = fmt.Errorf("pidfd: poller: %w", err)
		}
	}
	fd.leave(w, reaped)
	if w.epoll != nil {
		w.epoll.Close() // read-only, and Close of the FD may have been first
	}
	close(w.stopped)
}

// leave takes the watcher out of service if it has come as far as it should.
// Who wants to wait longer starts another one.
func (fd *FD) leave(w *watcher, at stage) bool {
	fd.mu.Lock()
	defer fd.mu.Unlock()
	if at < w.until {
		return false
	}
	if fd.watcher == w {
		fd.watcher = nil
	}
	return true
}
