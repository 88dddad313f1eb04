//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

// Support is probed by doing. A sandbox (seccomp, Landlock, SELinux, gVisor) may
// accept every call of a parcel and then swallow the signal; so before a tripwire is
// trusted, one must have killed a child.

// trusted is how long a proof holds. A sandbox may be put on later, so not for
// ever; a proof costs less than a start.
const trusted = time.Minute

// patience is how long the child of a proof may take to die of the close. The close
// itself sends the signal.
const patience = 5 * time.Second

// proof remembers when the mechanism was last seen to kill. Refusals are never
// remembered.
type proof struct {
	mu sync.Mutex
	at time.Time
}

// check answers from memory, or proves now.
func (p *proof) check(now time.Time, prove func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.at.IsZero() && now.Sub(p.at) < trusted {
		return nil
	}
	if err := prove(); err != nil {
		return err
	}
	p.at = now
	return nil
}

// probe starts a child that never execs, closes its handle, and says whether the
// child died of that.
func probe(
	begin func(*clone.Request) (clone.Pending, socketPair, error),
	look func(pid, handle int) (int, error),
) error {
	closed, open, err := os.Pipe()
	if err != nil {
		return explain(err)
	}
	defer closed.Close()
	defer open.Close()

	r := &clone.Request{
		NoNewPrivs: true,
		// Nothing to poll and no time limit: it never returns.
		Epilogue: []clone.Step{{Name: "ppoll", Nr: unix.SYS_PPOLL}},
		Path:     "/", Argv: []string{"never"},
	}
	pending, sockets, err := begin(r)
	if err != nil {
		return explain(err)
	}
	observer, openErr := look(pending.Pid(), int(sockets.handle.Fd()))
	if openErr != nil {
		endProof(int(sockets.handle.Fd()), pending.Pid())
	}
	open.Close()
	// The child's copies of our descriptors go all at once: at end of file here it
	// has none of the handle left.
	letGo, letGoErr := readyWithin(int(closed.Fd()), unix.POLLIN, patience)
	sockets.close()
	died := true
	var diedErr error
	if openErr == nil {
		died, diedErr = readyWithin(observer, unix.POLLIN, patience)
		_ = unix.PidfdSendSignal(observer, unix.SIGKILL, nil, 0)
	}
	_, err = pending.Wait()
	if openErr == nil {
		running.learnOfExits(observer)
	}
	switch {
	case openErr != nil && !errors.Is(openErr, unix.ESRCH):
		return explain(openErr)
	case letGoErr != nil:
		return explain(letGoErr)
	case diedErr != nil:
		return explain(diedErr)
	case !letGo:
		return unsupported("close_range closes nothing: a sandbox swallows it")
	case !died:
		return unsupported("a SIGKILL by fcntl(F_SETSIG) does not arrive: a sandbox swallows it")
	}
	return verdict(err)
}

// endProof kills a child that cannot be seen to die, or it would stay where the bond does not kill it. The
// number of one that the kernel reaps can be another's.
func endProof(handle, pid int) {
	if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); errors.Is(err, unix.EBADF) { // no pidfd
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

func (native) prove() error {
	if err := askNative(); err != nil {
		return err
	}
	return probe(func(r *clone.Request) (clone.Pending, socketPair, error) {
		r.Flags |= nativeFlags
		r.NoNewPrivs = false // CLONE_NNP is among the flags
		pending, handle, err := cloneBound(r)
		return pending, socketPair{handle, -1}, err
	}, observe)
}

func (t tripwire) prove() error {
	p := takeParcel(t.scope)
	defer p.putBack()
	return probe(p.clone, func(pid, _ int) (int, error) { return openPidfd(pid) })
}

// covered are the steps from which on a child of a proof may die of the bond.
var covered = []string{"close_range", stepLeads, stepSeal, "ppoll"}

// verdict reads what became of a child that has died. It may have died a moment
// before its wait: the end of file is seen while the child's copies are on their way
// out, and then its own copy of the handle can be the last one.
func verdict(err error) error {
	var step *os.SyscallError
	if errors.Is(err, clone.ErrNotStarted) && errors.As(err, &step) && slices.Contains(covered, step.Syscall) {
		return nil
	}
	if err == nil {
		return errors.New("the child of a proof got past its wait")
	}
	return explain(err)
}
