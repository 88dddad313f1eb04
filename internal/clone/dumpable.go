//go:build linux && (amd64 || arm64)

package clone

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// dumpable puts back what a change of ids takes away: the kernel makes memory
// undumpable when a process that runs on it changes its ids (kernel/cred.c,
// commit_creds), and that memory is ours, too. Our own /proc files would belong to
// root from then on, and nobody could trace us.
//
// It is put back only when no such child runs on our memory any more, nor one of os/exec's.
// Until then being undumpable protects it from the user the child has become. With starts that
// overlap without end it is not put back, and a PR_SET_DUMPABLE of the program's own
// during such a start is undone.
var dumpable dumpableWatch

type dumpableWatch struct {
	mu    sync.Mutex
	users int
	was   bool // until it is put back
}

func (d *dumpableWatch) enter() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users == 0 && !d.was {
		n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		d.was = err == nil && n == 1
	}
	d.users++
}

func (d *dumpableWatch) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users--
	if d.users > 0 || !d.was {
		return
	}
	// Who starts with os/exec has this lock until the child is off our memory (syscall.forkExec).
	if syscall.ForkLock.TryRLock() {
		// Cannot fail: 1 is always allowed (prctl(2)).
		_ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
		d.was = false
		syscall.ForkLock.RUnlock()
	}
}
