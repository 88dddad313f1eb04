//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
	"github.com/autokill/autokill/pidfd"
)

// walk is a random walk over everything that happens to handles. After each step
// those who live are those who live in the model. A walk that fails is made shorter for as
// long as it fails.
var walk = []clause{
	{"TestL3_RandomWalk", func(t *testing.T, s suite) {
		steps := times(10_000, 80)
		seed := uint64(time.Now().UnixNano())
		events := model.RandomWalk(s.bond(), seed, steps)
		first := s.replay(t, events, testproc.Patience)
		if first.err == nil {
			t.Logf("%v: %d steps, at most %d children at once, seed %d: %s", s.Mechanism, len(events), first.peak, seed, describeCounts(events))
			return
		}
		const tries, soon = 100, 2 * time.Second // one that was seen to survive is not waited for so long again
		small, last := events[:first.steps], first
		small = model.Shrink(s.bond(), small, tries, func(events []model.Event) bool {
			again := s.replay(t, events, soon)
			if again.err != nil {
				last = again
			}
			return again.err != nil
		})
		var lines []string
		for _, e := range small {
			lines = append(lines, e.String())
		}
		t.Errorf("seed %d, step %d: %v\nThe smallest walk that fails: %v\n%s", seed, first.steps, first.err, last.err, strings.Join(lines, "\n"))
	}},
	// A handle that an exec has closed leaves a zombie to the next program, which knows.
	{"TestE1_AfterAnExec", func(t *testing.T, s suite) {
		w := walking{suite: s, world: model.NewWalk(s.bond()), patience: testproc.Patience}
		defer func() {
			if err := w.end(); err != nil {
				t.Error(err)
			}
		}()
		w.respawn(t, 1)
		for _, e := range []model.Event{{Kind: model.Start, Holder: 1, Child: 10, New: 20}, {Kind: model.Exec, Holder: 1}} {
			if err := w.step(t, e); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "reaping of the child", func() bool { return len(testproc.Children(w.walkers[1].cmd.Process.Pid)) == 0 })
	}},
}

func describeCounts(events []model.Event) string {
	counts := map[model.Kind]int{}
	for _, e := range events {
		counts[e.Kind]++
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%v %d", kind, counts[kind]))
	}
	return strings.Join(parts, ", ")
}

// replayed is what came of a walk: how many steps were taken, and what was wrong then.
type replayed struct {
	steps, peak int
	err         error
}

// replay walks with holders of its own.
func (s suite) replay(t *testing.T, events []model.Event, patience time.Duration) (r replayed) {
	t.Helper()
	w := walking{suite: s, world: model.NewWalk(s.bond()), patience: patience}
	defer func() {
		if err := w.end(); r.err == nil {
			r.err = err
		}
	}()
	for holder := 1; holder <= model.Holders; holder++ {
		w.respawn(t, holder)
	}
	for _, e := range events {
		r.steps++
		if r.err = w.step(t, e); r.err != nil {
			return r
		}
		r.peak = max(r.peak, len(w.alive))
	}
	return r
}

// walking is a walk in progress.
type walking struct {
	suite
	world    *model.World
	patience time.Duration
	walkers  map[int]*walker
	mail     map[int]*os.File // our ends of those queues that something was sent into
	alive    map[int]*pidfd.FD
	open     []*os.File // our ends of all
}

// respawn starts a holder.
func (w *walking) respawn(t *testing.T, holder int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "mail"), os.NewFile(uintptr(pair[1]), "mail")
	defer theirs.Close()
	if w.walkers == nil {
		w.walkers, w.mail, w.alive = map[int]*walker{}, map[int]*os.File{}, map[int]*pidfd.FD{}
	}
	w.walkers[holder] = &walker{startTold(t, walkerRole, []string{w.name}, theirs), ours}
	w.open = append(w.open, ours)
}

// step lets something happen, here and in the model, and looks who is alive then.
func (w *walking) step(t *testing.T, e model.Event) error {
	t.Helper()
	if err := w.act(t, e); err != nil {
		return err
	}
	if err := model.Step(w.world, e); err != nil {
		return err
	}
	if e.Kind == model.Kill {
		w.respawn(t, e.Holder)
	}
	for _, child := range slices.Sorted(maps.Keys(w.alive)) {
		must := w.world.Fate(child, 0)
		patience := time.Duration(0)
		if must == model.Dies {
			patience = w.patience
		}
		dead, err := diesWithin(w.alive[child], patience)
		switch {
		case err != nil:
			return err
		case must == model.Dies && !dead:
			return fmt.Errorf("child %d lives, and nobody has its handle", child)
		case must == model.Lives && dead:
			return fmt.Errorf("child %d is dead, and somebody has its handle", child)
		case dead:
			w.alive[child].Close()
			delete(w.alive, child)
		}
	}
	if e.Kind == model.Kill {
		testproc.ReapAll()
	}
	return nil
}

// act does what the event says. A holder that cannot do it has found a defect.
func (w *walking) act(t *testing.T, e model.Event) error {
	t.Helper()
	p := w.walkers[e.Holder]
	switch e.Kind {
	case model.Start:
		answer, err := p.ask("start %d", e.New)
		if err != nil {
			return err
		}
		pid, err := strconv.Atoi(answer)
		if err != nil {
			return err
		}
		w.alive[e.Child], err = pidfd.Open(pid, 0)
		return err
	case model.Share:
		return p.tell("dup %d %d", e.Ref, e.New)
	case model.Close:
		return p.tell("close %d", e.Ref)
	case model.Send:
		w.mail[e.Queue] = p.mail
		return p.tell("send %d", e.Ref)
	case model.Route:
		return route(w.mail[e.Queue], w.walkers[e.To].mail)
	case model.Receive:
		return p.tell("receive %d", e.New)
	case model.Discard:
		if mail := w.mail[e.Queue]; mail != nil {
			return mail.Close()
		}
	case model.Inherit:
		return p.tell("keep %d", e.Ref)
	case model.Exec:
		return p.tell("exec")
	case model.Kill:
		p.kill(t)
		return p.out.Close()
	}
	return nil
}

func diesWithin(observer *pidfd.FD, limit time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := observer.Wait(ctx)
	if err != nil && ctx.Err() == nil {
		return false, err
	}
	return err == nil, nil
}

// end kills all holders, and so all children.
func (w *walking) end() error {
	for _, p := range w.walkers {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.out.Close()
	}
	for _, mail := range w.open {
		mail.Close()
	}
	var survived error
	for child, observer := range w.alive {
		dead, err := diesWithin(observer, w.patience)
		if err == nil && !dead {
			err = fmt.Errorf("child %d has survived all holders", child)
			_ = observer.Signal(unix.SIGKILL, pidfd.ToReferent)
		}
		if err != nil {
			survived = err
		}
		observer.Close()
	}
	testproc.ReapAll()
	return survived
}
