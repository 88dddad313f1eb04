package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/autokill/autokill/pidfd"
)

var errOrphan = errors.New("the process that started autokill has ended, so nothing was done: --with-parent=false does it all the same")

// watchParent returns a channel that is closed when the process that started us
// has ended. It is nil if there is nobody to watch: the parent is in another PID
// namespace (0), or the init (1), which is also what a program has whose starter
// ended before it could look.
func watchParent() (<-chan struct{}, error) {
	parent := os.Getppid()
	if parent <= 1 {
		return nil, nil
	}
	fd, err := pidfd.Open(parent, 0)
	// Our parent is who it was when the descriptor was opened, so the pid was its
	// own then. Otherwise it may have been anybody's.
	if os.Getppid() != parent {
		if err == nil {
			_ = fd.Close()
		}
		return nil, errOrphan
	}
	if err != nil {
		err = fmt.Errorf("cannot watch the process that started autokill: %w", err)
		if errors.As(err, new(syscall.Errno)) { // without a kernel's answer nothing can be started at all
			err = fmt.Errorf("%w: --with-parent=false does without", err)
		}
		return nil, err
	}
	gone := make(chan struct{})
	go func() {
		// An error ends the watch, and so the command: better than to outlive.
		_ = fd.Wait(context.Background())
		close(gone)
	}()
	return gone, nil
}
