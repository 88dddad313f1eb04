//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/pidfd"
)

// reapers are those that a Child of this program will reap, by pid.
type reapers struct {
	mu    sync.Mutex
	byPid map[int]*Child
}

var ours = reapers{byPid: map[int]*Child{}}

func (r *reapers) put(c *Child) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byPid[c.Pid] = c
}

// claim gives the one that will reap this pid: c, unless there is one already.
func (r *reapers) claim(c *Child) *Child {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, taken := r.byPid[c.Pid]; taken {
		return first
	}
	r.byPid[c.Pid] = c
	return c
}

// drop forgets c. The pid may be another's by now.
func (r *reapers) drop(c *Child) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byPid[c.Pid] == c {
		delete(r.byPid, c.Pid)
	}
}

// Unreaped are the pids of all children that this program will reap, but for those, and for
// processes that are other programs' to reap.
func Unreaped(but []*Child) (pids []int) {
	ours.mu.Lock()
	defer ours.mu.Unlock()
	for _, child := range ours.byPid {
		if slices.ContainsFunc(but, func(c *Child) bool { return c == child || c.reaps == child }) {
			continue
		}
		for _, observer := range append([]*pidfd.FD{child.Observer}, child.outer...) {
			if _, _, err := observer.Peek(); errors.Is(err, unix.ECHILD) {
				continue
			}
			if pid, err := pidOf(observer); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// ReapOrphans reaps those of Unreaped in the program that comes after an exec, which has
// closed their handles. Their numbers are their own until then. One whom others keep alive keeps
// nobody else waiting. It returns when all are gone.
func ReapOrphans(pids []int) {
	var all sync.WaitGroup
	for _, pid := range pids {
		if pid > 0 {
			all.Go(func() { reapOrphan(pid) })
		}
	}
	all.Wait()
}

func reapOrphan(pid int) {
	observer, err := pidfd.Open(pid, 0)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return // somebody was faster
	case err != nil:
		waitFor(pid, unix.WEXITED)
		return
	}
	defer observer.Close()
	waitEnded(observer)
	if _, reaped, err := observer.Reap(); err == nil && !reaped {
		waitFor(pid, unix.WEXITED) // a tracer comes first
	}
}
