//go:build linux && (amd64 || arm64)

package bond

import (
	"syscall"

	"github.com/autokill/autokill/pidfd"
)

// abroad is a scope whose processes are not in our PID namespace, nor in one below it. We
// hold its handle and see its end, and that is all the kernel lets us do.
type abroad struct {
	of       Scope
	observer *pidfd.FD
}

func (a abroad) scope() Scope { return a.of }

func (abroad) kill() {}

func (a abroad) signal(sig syscall.Signal) error {
	err := a.observer.Signal(sig, pidfd.ToReferent)
	if err != nil {
		return err
	}
	return unsupported("the child is not in this PID namespace")
}

func (abroad) members() ([]int, error) {
	return nil, unsupported("the child is not in this PID namespace, where it has no number")
}

func (a abroad) deserted() bool { return a.of != ScopeTree }
