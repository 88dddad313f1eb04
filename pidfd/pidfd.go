package pidfd

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// FD is a process descriptor that it owns. Its methods may be called from
// many goroutines at once. Close it: an FD that becomes garbage is closed in
// the end, as an [os.File] is, and closing an autokill handle kills.
//
// Descriptors opened by this package are close-on-exec and non-blocking, so
// that Go's poller can watch them. Non-blocking changes one thing on a pidfd:
// a blocking waitid(2) on it answers EAGAIN while the process runs.
type FD struct {
	file *os.File
	conn syscall.RawConn

	mu      sync.Mutex
	watcher *watcher // nil while nobody waits
}

func newFD(file *os.File) (*FD, error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &FD{file: file, conn: conn}, nil
}

// Close closes the descriptor and wakes everybody who waits with an error
// that wraps [os.ErrClosed]; a second Close returns such an error too. The
// process is not affected, unless this was the last reference to an autokill
// handle: then the kernel kills it.
func (fd *FD) Close() error {
	if fd == nil || fd.file == nil {
		return os.ErrInvalid
	}
	err := fd.file.Close()
	fd.mu.Lock()
	w := fd.watcher
	fd.mu.Unlock()
	// After the file: a watcher that starts later finds it closed.
	if w != nil && w.epoll != nil {
		w.epoll.Close() // only wakes the watcher, which closes it too
	}
	return err
}

// File lends the descriptor: it stays owned by fd, and closing the one closes
// the other. For a reference of your own, dup(2) it. File returns nil for the
// zero FD.
func (fd *FD) File() *os.File {
	if fd == nil {
		return nil
	}
	return fd.file
}

// SyscallConn gives access to the descriptor's number while it cannot be
// closed. Its Read blocks while somebody waits with [FD.Wait]; use Control.
func (fd *FD) SyscallConn() (syscall.RawConn, error) {
	if fd == nil || fd.conn == nil {
		return nil, os.ErrInvalid
	}
	return fd.conn, nil
}

// control runs call with the descriptor's number, which cannot be closed and
// given to another file meanwhile.
func (fd *FD) control(call func(n int) error) error {
	if fd == nil || fd.conn == nil {
		return os.ErrInvalid
	}
	var err error
	if closed := fd.conn.Control(func(n uintptr) { err = call(int(n)) }); closed != nil {
		return errClosed()
	}
	return err
}

func errClosed() error { return fmt.Errorf("pidfd: %w", os.ErrClosed) }
