//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

// Support is probed by doing. A sandbox (seccomp, Landlock, SELinux, gVisor) may accept every call of a parcel
// and then swallow the signal. So tripwire is proved by doing: a child that never
// execs makes a parcel and waits, its handle is closed, and it must die.

// trusted is how long a proof holds. A sandbox may be put on later, so not for
// ever; a proof costs less than a start.
const trusted = time.Minute

// patience is how long the child of a proof waits for its death before it says
// that none came. The signal is sent by the close itself: this is no deadline that
// a slow machine could miss by the time it takes to run.
const patience = 5 // seconds

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
func probe(begin func(*clone.Request) (*clone.Pending, *os.File, error)) error {
	closed, open, err := os.Pipe()
	if err != nil {
		return err
	}
	defer closed.Close()
	defer open.Close()

	timeout := &unix.Timespec{Sec: patience}
	r := &clone.Request{
		NoNewPrivs: true,
		Epilogue: []clone.Step{{
			Name: "ppoll", Nr: unix.SYS_PPOLL,
			Args: [6]clone.Arg{clone.Int(0), clone.Int(0), clone.Addr(timeout)},
			Mask: ^uintptr(0), Want: ^uintptr(0), // any return is one too many
		}},
		Path: "/", Argv: []string{"never"},
	}
	pending, handle, err := begin(r)
	if err != nil {
		return verdict(err)
	}
	open.Close()
	// The child's copies of our descriptors go all at once: at end of file here it
	// has none of the handle left.
	_, _ = closed.Read(make([]byte, 1))
	handle.Close()
	_, err = pending.Wait()
	return verdict(err)
}

func (native) prove() error {
	if err := askNative(); err != nil {
		return err
	}
	return probe(func(r *clone.Request) (*clone.Pending, *os.File, error) {
		r.Flags |= nativeFlags
		return cloneBound(r)
	})
}

func (tripwire) prove() error {
	p := parcels.Get().(*parcel)
	defer parcels.Put(p)
	return probe(p.clone)
}

// verdict reads what became of the child of a proof.
func verdict(err error) error {
	var step *os.SyscallError
	named := errors.As(err, &step)
	waiting := named && step.Syscall == "ppoll"
	// The end of file is seen while the child's copies are on their way out: then
	// its own copy of the handle may be the last one, and kills a moment earlier.
	closing := named && step.Syscall == "close_range"
	switch {
	case (waiting || closing) && errors.Is(err, clone.ErrNotStarted):
		return nil
	case waiting, err == nil:
		return unsupported("a SIGKILL by fcntl(F_SETSIG) does not arrive: a sandbox swallows it")
	}
	for _, denied := range []error{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EINVAL, unix.EOPNOTSUPP} {
		if errors.Is(err, denied) {
			return fmt.Errorf("%w (%w)", err, errors.ErrUnsupported)
		}
	}
	return crowded(err) // a limit: it says nothing about the mechanism
}
