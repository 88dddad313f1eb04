//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/pidfd"
)

// condemn sees to it that the end of a child that was killed is not held up by us. A thread of the
// child that calls PTRACE_TRACEME has made its parent the tracer, unasked. When the thread
// has ended it stays a zombie until the tracer collects it, and until then the kernel does not
// tell the end of the child either (ptrace(2); delay_group_leader in kernel/exit.c), whose other
// threads are gone, with all that it held. The first thread of a native child is such a
// zombie, too: the kernel reaps nobody who is traced.
//
// It can be called at any time, and again.
func (c *Child) condemn() {
	if _, ok := c.sign(); ok { // we are the parent
		condemned.add(c)
	}
}

const (
	// A child that nothing holds up ends sooner than this, and a debugger in this program collects its
	// threads sooner.
	soonestLook = 50 * time.Millisecond
	// latestLook is for one in an uninterruptible sleep, which takes as long as it takes.
	latestLook = time.Second
)

// convicts are the children that were killed and have not been seen to have gone.
type convicts struct {
	mu       sync.Mutex
	children map[*Child]struct{}
	delay    time.Duration // before the next look
}

var condemned = convicts{children: map[*Child]struct{}{}}

func (l *convicts) add(c *Child) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = soonestLook
	if len(l.children) == 0 {
		time.AfterFunc(l.delay, l.look)
	}
	l.children[c] = struct{}{}
}

func (l *convicts) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.children {
		if !c.collectThreads() {
			delete(l.children, c)
		}
	}
	if len(l.children) > 0 {
		l.delay = min(2*l.delay, latestLook)
		time.AfterFunc(l.delay, l.look)
	}
}

// collectThreads collects the threads that have ended and that we trace. It is false once the child
// has gone, or where it cannot be asked.
func (c *Child) collectThreads() bool {
	switch err := c.Observer.Signal(0, pidfd.ToReferent); {
	case err == nil, errors.Is(err, syscall.EPERM): // it is another user by now
	default:
		return false
	}
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.Pid))
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err != nil || tid == c.Pid {
			continue
		}
		collectThread(tid)
	}
	if c.Kind() == Native {
		_, _, _ = c.Observer.Reap()
	}
	return true
}

// collectThread collects a thread that we trace, if it has ended. The number could be a child's by now:
// with __WCLONE it is none of os/exec's, and whom we trace we get in any case (eligible_child in
// kernel/exit.c). It looks first, for a debugger's stops (see package pidfd).
func collectThread(tid int) {
	var info unix.Siginfo
	const options = unix.WEXITED | unix.WNOHANG | unix.WCLONE
	err := unix.Waitid(unix.P_PID, tid, &info, options|unix.WNOWAIT, nil)
	const cldDumped = 3 // the last of the ends (asm-generic/siginfo.h)
	if err == nil && info.Signo != 0 && info.Code <= cldDumped {
		_ = unix.Waitid(unix.P_PID, tid, nil, options, nil)
	}
}
