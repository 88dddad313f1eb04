//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reap waits until a child has ended, and reaps it, whatever its exit signal. It is for
// where a filter denies waitid: nobody else may reap the child meanwhile, for its number
// can be another's then.
func Reap(pid int) (syscall.WaitStatus, syscall.Rusage, error) {
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		_, err := syscall.Wait4(pid, &status, unix.WALL, &usage)
		switch {
		case err == nil && !status.Exited() && !status.Signaled(): // a stop that is a tracer's
		case !errors.Is(err, unix.EINTR):
			return status, usage, err
		}
	}
}
