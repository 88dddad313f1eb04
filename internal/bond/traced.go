//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// condemn sees to it that the end of a child that was killed, or may be killed from now on, is not held
// up by us. A thread of the child that calls PTRACE_TRACEME has made its parent the tracer,
// unasked. When the thread has ended it stays a zombie until the tracer collects it, and until then
// the kernel does not tell the end of the child either (ptrace(2); delay_group_leader in
// kernel/exit.c), whose other threads are gone, with all that it held. The first thread of a native
// child is such a zombie, too: the kernel reaps nobody who is traced.
//
// It can be called at any time, and again; of a child that is not ours nothing is found.
func (c *Child) condemn() { condemned.add(c) }

const (
	// A child that nothing holds up ends sooner than this, and a debugger in this program collects
	// its threads sooner.
	soonestLook = 50 * time.Millisecond
	// latestLook is for a child that lives on, because others have the handle, or in an
	// uninterruptible sleep.
	latestLook = time.Minute
)

// convicts are those children whose end was not seen yet.
type convicts struct {
	mu       sync.Mutex
	children map[*Child]struct{}
	looking  bool          // a look is to come, or goes on
	delay    time.Duration // before the next one
}

var condemned = convicts{children: map[*Child]struct{}{}}

func (l *convicts) add(c *Child) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.gone {
		return
	}
	l.children[c] = struct{}{}
	l.delay = soonestLook
	if !l.looking {
		l.looking = true
		time.AfterFunc(l.delay, l.look)
	}
}

// remove is called when the end was seen.
func (l *convicts) remove(c *Child) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.gone = true
	delete(l.children, c)
}

func (l *convicts) look() {
	l.mu.Lock()
	children := slices.Collect(maps.Keys(l.children))
	l.mu.Unlock()
	for len(children) > 0 {
		// One question for all: while many die nobody waits for it.
		thread := zombie()
		if thread == 0 || !slices.ContainsFunc(children, func(c *Child) bool { return c.collect(thread) }) {
			break
		}
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.looking = len(l.children) > 0; l.looking {
		l.delay = min(2*l.delay, latestLook)
		time.AfterFunc(l.delay, l.look)
	}
}

// collect collects a thread that has ended, if it is one of the child's.
func (c *Child) collect(thread int) bool {
	switch {
	case c.Pid <= 0, errors.Is(unix.Tgkill(c.Pid, thread, 0), unix.ESRCH):
		return false
	case thread != c.Pid:
		var info unix.Siginfo
		return unix.Waitid(unix.P_PID, thread, &info, ofOthers, nil) == nil && info.Signo != 0
	case c.Kind() == Native:
		_, reaped, _ := c.Observer.Reap()
		return reaped
	}
	return false // who follows it reaps
}

// ofOthers is for those whom we trace, and for children that are not ordinary ones, such as os/exec's
// (eligible_child in kernel/exit.c).
const ofOthers = unix.WEXITED | unix.WNOHANG | unix.WCLONE

// zombie is such a one that has ended, or 0.
func zombie() int {
	// struct siginfo of a SIGCHLD, on 64 bits.
	var info struct {
		signo, errno, code, _, pid int32
		_                          [unsafe.Sizeof(unix.Siginfo{}) - 5*4]byte
	}
	err := unix.Waitid(unix.P_ALL, 0, (*unix.Siginfo)(unsafe.Pointer(&info)), ofOthers|unix.WNOWAIT, nil)
	// The kernel tells a tracer of stops, too, asked for or not.
	if err != nil || info.code > cldDumped {
		return 0
	}
	return int(info.pid) // 0 if there is none
}
