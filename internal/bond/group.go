//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/pidfd"
)

// group is a process group, sealed unless it was attached. Its number is the pid of its
// leader, and nobody else's for as long as the leader was not reaped or a member is left.
// One that is deserted stays so: who is in no group of that number cannot get into it. A
// leader that was attached is somebody else's to reap, and occupies the group until then. The number is
// -1 where it is not known.
//
// Ledger of kernel versions:
//
//	PIDFD_SIGNAL_PROCESS_GROUP   6.9. The pidfd of the leader then is a name of the
//	                             group that is never somebody else's. Before, only a
//	                             leader that was not reaped keeps the number.
type group struct {
	leader   int
	observer *pidfd.FD // of the leader
	// maker has made the handle, and cannot signal all whom this program can: one who is
	// another's in the group (a set-user-ID program in a job) is left alone. It is nil otherwise.
	maker *unix.Ucred
}

func (group) scope() Scope { return ScopeTree }

func (g group) kill() {
	if g.maker != nil {
		_ = g.signalEach(unix.SIGKILL) // the closing of the handle does the rest
		return
	}
	if err := g.observer.Signal(unix.SIGKILL, pidfd.ToProcessGroup); err != nil {
		_ = g.observer.Signal(unix.SIGKILL, pidfd.ToReferent)
	}
}

func (g group) signal(sig syscall.Signal) error {
	if g.maker != nil {
		return g.signalEach(sig)
	}
	err := g.observer.Signal(sig, pidfd.ToProcessGroup)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return g.signalEach(sig)
	case errors.Is(err, unix.ESRCH):
		return os.ErrProcessDone
	}
	return err
}

// signalEach is signal for kernels before 6.9, and for a maker who could not signal everybody:
// one after the other. Who is forked meanwhile can be missed.
func (g group) signalEach(sig syscall.Signal) error {
	members, err := g.members()
	if err != nil {
		return err
	}
	if len(members) == 0 {
		return os.ErrProcessDone
	}
	var failed error
	for _, pid := range members {
		if err := g.signalOne(pid, sig); err != nil && !errors.Is(err, os.ErrProcessDone) && failed == nil {
			failed = err
		}
	}
	return failed
}

func (g group) signalOne(pid int, sig syscall.Signal) error {
	fd, err := pidfd.Open(pid, 0)
	if err != nil {
		return err
	}
	defer fd.Close()
	// The pid may have become somebody else's before it was opened.
	if s, err := readStat(pid); err != nil || s.group != g.leader || g.state() != occupied {
		return os.ErrProcessDone
	}
	if err := refusal(g.maker, pid, fd); err != nil {
		return err
	}
	return fd.Signal(sig, pidfd.ToReferent)
}

// members looks into /proc. The number of the group was its own all the time if it
// still is in the end.
func (g group) members() ([]int, error) {
	switch {
	case g.leader > 0:
	case g.deserted():
		return nil, nil
	default:
		return nil, unsupported("the child had ended before this program got its handle, so nobody tells the number of its process group")
	}
	var members []int
	err := eachProcess(func(pid int, s stat) {
		if s.group == g.leader && !s.dead() {
			members = append(members, pid)
		}
	})
	if err != nil {
		return nil, err
	}
	switch g.state() {
	case unknown:
		return nil, ErrChildEnded
	case deserted:
		return nil, nil
	}
	slices.Sort(members)
	return members, nil
}

func (g group) deserted() bool { return g.state() == deserted }

// Whether somebody has the number of the group.
const (
	occupied = iota // the group itself
	deserted        // nobody of the group is left
	unknown         // somebody, it may be another group
)

func (g group) state() int {
	if !errors.Is(g.observer.Signal(0, pidfd.ToReferent), os.ErrProcessDone) {
		return occupied // by the leader, dead or alive
	}
	err := g.observer.Signal(0, pidfd.ToProcessGroup)
	if errors.Is(err, errors.ErrUnsupported) {
		if g.leader > 0 && errors.Is(unix.Kill(-g.leader, 0), unix.ESRCH) {
			return deserted
		}
		return unknown
	}
	if errors.Is(err, unix.ESRCH) {
		return deserted
	}
	return occupied // EPERM too
}
