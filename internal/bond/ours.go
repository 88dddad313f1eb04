//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"maps"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/pidfd"
)

// reapers are those that this program will reap.
type reapers struct {
	cloning sync.RWMutex // an exec has it alone: see Standstill

	mu    sync.Mutex
	begun map[*parcel]int // pids of those whose start is under way, by what each has for itself
	byPid map[int]*Child
	// orphans are those that the program before this one has left to be reaped.
	orphans map[int]bool
}

var ours = reapers{begun: map[*parcel]int{}, byPid: map[int]*Child{}, orphans: map[int]bool{}}

// clone makes a child that is known from its first moment on.
func (r *reapers) clone(p *parcel, request *clone.Request) (clone.Pending, error) {
	r.cloning.RLock()
	defer r.cloning.RUnlock()
	pending, err := request.Clone()
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.begun[p] = pending.Pid()
	}
	return pending, err
}

// settle is the end of a start: the child is somebody's now, or was reaped.
func (r *reapers) settle(p *parcel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.begun, p)
}

func (r *reapers) put(c *Child) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byPid[c.Pid] = c
}

// claim gives the one that will reap this pid: c, unless there is one already.
func (r *reapers) claim(pid int, c *Child) *Child {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, taken := r.byPid[pid]; taken {
		return first
	}
	r.byPid[pid] = c
	return c
}

// drop forgets c. The pid may be another's by now.
func (r *reapers) drop(pid int, c *Child) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byPid[pid] == c {
		delete(r.byPid, pid)
	}
}

// Standstill lets nobody clone a child until it is over. It waits for no start: who is cloned is
// known.
func Standstill() (over func()) {
	ours.cloning.Lock()
	return ours.cloning.Unlock
}

// Unreaped are the pids of all children that this program will reap, but for those, and for
// processes that are other programs' to reap.
func Unreaped(but []*Child) (pids []int) {
	ours.mu.Lock()
	defer ours.mu.Unlock()
	pids = slices.AppendSeq(slices.Collect(maps.Values(ours.begun)), maps.Keys(ours.orphans))
	pids = slices.DeleteFunc(pids, func(pid int) bool { // one that was reaped just now
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
		return errors.Is(err, unix.ECHILD)
	})
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
	slices.Sort(pids)
	return slices.Compact(pids) // a start that is over just now is in both
}

// ReapOrphans reaps those of Unreaped in the program that comes after an exec, which has
// closed their handles. Their numbers are their own until then. One whom others keep alive keeps
// nobody else waiting. What it returns waits until all are gone.
func ReapOrphans(pids []int) (wait func()) {
	var all sync.WaitGroup
	for _, pid := range pids {
		if pid > 0 {
			ours.orphan(pid, true)
			all.Go(func() {
				reapOrphan(pid)
				ours.orphan(pid, false)
			})
		}
	}
	return all.Wait
}

func (r *reapers) orphan(pid int, living bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if living {
		r.orphans[pid] = true
	} else {
		delete(r.orphans, pid)
	}
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
