//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"os"
	"slices"
	"syscall"

	"github.com/autokill/autokill/internal/pidns"
	"github.com/autokill/autokill/pidfd"
)

// dwellers are those who live in a PID namespace. When the command has ended and was
// reaped there are none: its init ends with it.
type dwellers struct {
	command  int
	observer *pidfd.FD // of the command
	init     *pidfd.FD
}

func (dwellers) scope() Scope { return ScopePIDNamespace }

// kill needs no more than the init.
func (d dwellers) kill() { _ = d.init.Signal(syscall.SIGKILL, pidfd.ToReferent) }

// signal has the init send it to all others. What ends the init, or asks whether it is
// there, is for the init.
func (d dwellers) signal(sig syscall.Signal) error {
	if sig == 0 || sig == syscall.SIGKILL {
		return d.init.Signal(sig, pidfd.ToReferent)
	}
	conn, err := d.init.SyscallConn()
	if err != nil {
		return err
	}
	if sig == syscall.SIGCONT {
		defer func() { _ = d.init.Signal(sig, pidfd.ToReferent) }() // it may be stopped itself
	}
	var sent error
	if err := conn.Control(func(fd uintptr) { sent = pidns.SignalAll(int(fd), sig) }); err != nil {
		return err
	}
	if errors.Is(sent, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return sent
}

// members are the descendants of the init, which is the parent of the command. Whoever
// loses its parent inside is a child of the init then.
func (d dwellers) members() ([]int, error) {
	children := map[int][]int{}
	init := 0
	err := eachProcess(func(pid int, s stat) {
		if pid == d.command {
			init = s.parent
		}
		if !s.dead() {
			children[s.parent] = append(children[s.parent], pid)
		}
	})
	if err != nil {
		return nil, err
	}
	// The number of the command was its own all the time if it still is.
	if errors.Is(d.observer.Signal(0, pidfd.ToReferent), os.ErrProcessDone) || init == 0 {
		return nil, nil
	}
	members := children[init]
	for i := 0; i < len(members); i++ {
		members = append(members, children[members[i]]...)
	}
	slices.Sort(members)
	return members, nil
}

func (dwellers) deserted() bool { return true }
