package bond

import (
	"errors"
	"os"
	"syscall"
)

// ErrChildEnded is in the error of what cannot be done for those who are left when the
// child itself has ended.
var ErrChildEnded = unsupported("the child has ended, so the number of its process group could be another's by now; Linux 6.9 and later can tell")

// everybody is who is in a scope. The observer stays open for as long as it is asked.
type everybody interface {
	scope() Scope
	kill()
	signal(sig syscall.Signal) error
	members() ([]int, error)
	deserted() bool // asked after the child has ended
}

// alone is the scope of one process.
type alone Child

func (*alone) scope() Scope { return ScopeProcess }

// kill goes by the pidfd: that cannot be lost to an exec that the child is in the
// middle of, as the signal that the closing of a handle sends can.
func (a *alone) kill() { _ = a.signal(syscall.SIGKILL) }

func (a *alone) signal(sig syscall.Signal) error { return (*Child)(a).signal(sig) }

func (a *alone) members() ([]int, error) {
	switch err := a.signal(0); {
	case errors.Is(err, os.ErrProcessDone):
		return nil, nil
	case err != nil && !errors.Is(err, syscall.EPERM):
		return nil, err
	}
	return []int{a.Pid}, nil
}

func (*alone) deserted() bool { return true }
