//go:build linux && (amd64 || arm64)

package bond

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"
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

// Unreaped are the pids of all that this program will reap, but for those children.
func Unreaped(but []*Child) (pids []int) {
	ours.mu.Lock()
	defer ours.mu.Unlock()
	for pid, child := range ours.byPid {
		if !slices.ContainsFunc(but, func(c *Child) bool { return c == child || c.reaps == child }) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ReapOrphans reaps those of Unreaped in the program that comes after an exec, which has
// killed them. The numbers cannot be others' before that. It returns when they are gone.
func ReapOrphans(pids []int) {
	for _, pid := range pids {
		waitFor(pid, unix.WEXITED)
	}
}
