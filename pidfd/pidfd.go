package pidfd

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"github.com/autokill/autokill/internal/descriptor"
)

// FD is a process descriptor that it owns. Its methods may be called from
// many goroutines at once. Close it: an FD that becomes garbage is closed in
// the end, as an [os.File] is, and closing an autokill handle kills.
//
// Descriptors opened by this package are close-on-exec and non-blocking, so
// that Go's poller can watch them. Non-blocking changes one thing on a pidfd:
// a blocking waitid(2) on it answers EAGAIN while the process runs.
type FD struct {
	file descriptor.FD

	mu      sync.Mutex
	watcher *watcher // nil while nobody waits
}

// New makes an FD of the number of a pidfd, which it takes over if it succeeds. Flags are left
// as they are, as by [FromFile].
//
// The error wraps syscall.EBADF if the number is something else, or not open.
func New(number int) (*FD, error) {
	if err := isPidfd(number); err != nil {
		return nil, notPidfd(fmt.Sprintf("descriptor %d", number), err)
	}
	return newFD(number), nil
}

func newFD(number int) *FD {
	fd := new(FD)
	fd.file.Init(number, "pidfd")
	runtime.SetFinalizer(fd, func(fd *FD) { fd.file.Abandon() })
	return fd
}

// Close closes the descriptor and wakes everybody who waits with an error
// that wraps [os.ErrClosed]; a second Close returns such an error too. The
// process is not affected, unless this was the last reference to an autokill
// handle: then the kernel kills it.
func (fd *FD) Close() error {
	if fd == nil {
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
// zero FD, and for one that was closed before anybody needed the file.
func (fd *FD) File() *os.File {
	if fd == nil {
		return nil
	}
	file, err := fd.file.File()
	if err != nil {
		return nil
	}
	return file
}

// SyscallConn gives access to the descriptor's number while it cannot be
// closed. Its Read blocks while somebody waits with [FD.Wait]; use Control.
func (fd *FD) SyscallConn() (syscall.RawConn, error) {
	if fd == nil {
		return nil, os.ErrInvalid
	}
	conn, err := fd.file.SyscallConn()
	return conn, explained(err)
}

// control runs call with the descriptor's number, which cannot be closed and
// given to another file meanwhile. It does not block.
func (fd *FD) control(call func(n int) error) error {
	if fd == nil {
		return os.ErrInvalid
	}
	return explained(fd.file.Control(call))
}

// explained says whose error a closed file is.
func explained(err error) error {
	if err == os.ErrClosed { //nolint:errorlint // that of package descriptor
		return fmt.Errorf("pidfd: %w", err)
	}
	return err
}
