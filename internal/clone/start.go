//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"
)

// Child is what a start gave. Both numbers belong to the caller now.
type Child struct {
	Pid   int
	Pidfd int
}

// ErrNotStarted is in the error of a child that was killed before it could exec.
var ErrNotStarted = errors.New("killed before its exec")

// Pending is a child that runs its vector. It holds a pidfd and memory that the
// child works on: Wait must be called.
type Pending struct {
	v   *vector
	r   *Request
	pid int
}

// Start clones and waits: see [Request.Clone] and [Pending.Wait].
func (r *Request) Start() (Child, error) {
	p, err := r.Clone()
	if err != nil {
		return Child{}, err
	}
	return p.Wait()
}

// Clone makes the child and returns while it runs its vector. From here on the
// child has descriptors of its own, unless they are Shared: the caller's may be closed.
func (r *Request) Clone() (Pending, error) {
	if r.Maps == nil {
		return r.clone(noGate)
	}
	return r.cloneMapped()
}

func (r *Request) clone(gate int) (Pending, error) {
	v := vectors.Get().(*vector)
	if r.Credential != nil {
		dumpable.enter()
	}
	pid, err := v.start(r, gate)
	if err != nil {
		if r.Credential != nil {
			dumpable.leave()
		}
		v.release()
		return Pending{}, err
	}
	return Pending{v, r, pid}, nil
}

// Pid is the child's. Until Wait it is nobody else's, unless the kernel reaps the
// child by itself.
func (p *Pending) Pid() int { return p.pid }

// Take gives the pidfd to the caller before the start is over. Wait then neither
// returns it nor closes it, and leaves reaping to the caller or the kernel.
func (p *Pending) Take() (pidfd int) {
	pidfd = int(p.v.call.pidfd)
	p.v.call.pidfd = -1
	return pidfd
}

// Wait returns when the child has exec'd, or failed and is gone. An error names
// the step: an [fs.PathError] where the step was about a path, otherwise an
// [os.SyscallError].
//
// On success the child has run every step. It may have ended since.
func (p *Pending) Wait() (Child, error) {
	v := p.v
	defer v.release()
	v.wait(p.r)
	if p.r.Credential != nil {
		dumpable.leave()
	}
	runtime.KeepAlive(p.r)

	c := Child{Pid: p.pid, Pidfd: int(v.call.pidfd)}
	if err := failure(v.tasks); err != nil {
		if p.r.Shared {
			closeOpened(p.r.Opened, v.tasks[0])
		}
		c.discard()
		return Child{}, err
	}
	return c, nil
}

// discard reaps a child that did not come to be and closes its pidfd. Such a
// child has exit signal 0 still, so only __WALL finds it, and an auto-reaped one
// is ECHILD.
func (c Child) discard() {
	if c.Pidfd < 0 {
		return
	}
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PIDFD, c.Pidfd, nil, unix.WEXITED|unix.WALL, nil)
	}
	if err != nil && !errors.Is(err, unix.ECHILD) {
		_, _, _ = Reap(c.Pid)
	}
	_ = unix.Close(c.Pidfd)
}
