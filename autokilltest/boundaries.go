//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/fault"
	"github.com/autokill/autokill/internal/testproc"
)

// boundary is an operation in which the program is killed.
type boundary struct {
	operation string
	// partner is this program at the other end of the conversation.
	partner func(t *testing.T, s suite, conn *os.File) (settle func() error)
}

func (s suite) boundaries() []boundary {
	all := []boundary{
		{"Start", nil},
		{"Close", nil},
		{"FromFile", nil},
		{"Send to another", receiveFrom},
		{"Receive from another", sendTo},
		{"HandOver to another", takeOverFrom},
		{"TakeOver from another", handOverTo},
		{"Exec", nil},
		{inherited, nil},
	}
	if attach := s.attach(); attach != "" {
		all = append(all, boundary{attach, nil})
	}
	return append(all[:1:1], testproc.Part(some(all[1:], 2))...)
}

// cut is a place where the program is killed.
type cut struct {
	boundary
	at fault.Site
}

// fate is what has to become of the program's children then.
type fate int

const (
	dies   fate = iota
	lives       // it is not bound yet
	either      // it is half bound
)

// fateOf is that of somebody who is attached, when so many pipe ends are armed: the four of
// the proof that attaching works, and then his own.
func fateOf(armed int) fate {
	switch {
	case armed <= 4:
		return lives
	case armed < 8:
		return either
	}
	return dies
}

// killedAtEveryBoundary stops a program before each of its system calls, and before each of
// those that its children make until they exec, and kills it there. The moment after a call is
// the one before the next, and behind the last one there is [fault.End].
func killedAtEveryBoundary(t *testing.T, s suite) {
	limit := time.Now().Add(s.budget(600*time.Millisecond, 4*time.Second))
	var all []cut
	boundaries := s.boundaries()
	for _, b := range boundaries {
		for _, site := range telling(s.sites(t, b)) {
			all = append(all, cut{b, site})
		}
	}
	total, killed, survivors, reached := map[string]int{}, map[string]int{}, map[string]int{}, 0
	for _, i := range rand.Perm(len(all)) {
		c := all[i]
		total[c.operation]++
		if reached >= 5 && time.Now().After(limit) {
			continue
		}
		came, left := s.killAt(t, c, patience)
		if came {
			reached++
			killed[c.operation]++
		}
		if len(left) > 0 {
			survivors[c.operation]++
			t.Errorf("%s: the program was killed before %v, and this survives: %v", c.operation, c.at, left)
		}
	}
	if reached < 5 {
		t.Errorf("killed at %d boundaries only", reached)
	}
	var rows [][]string
	for _, b := range boundaries {
		o := b.operation
		rows = append(rows, []string{s.name, o, strconv.Itoa(total[o]), strconv.Itoa(killed[o]), strconv.Itoa(survivors[o])})
	}
	if s.attach() == "Attach" {
		rows = append(rows, s.boundLate(t))
	}
	evidence.Table(t, "boundaries killed", []string{"subject", "operation", "boundaries", "killed there", "survivors"}, rows)
}

// boundLate shows that a survivor is seen: a child that runs before it is bound.
func (s suite) boundLate(t *testing.T) []string {
	t.Helper()
	late := boundary{operation: lateBinding}
	sites := s.sites(t, late)
	i := slices.IndexFunc(sites, func(site fault.Site) bool { return site.Call == fault.Arm })
	came, left := s.killAt(t, cut{late, sites[i]}, 100*time.Millisecond)
	// The child of a proof, which is bound, may be on its way.
	left = slices.DeleteFunc(left, func(p testproc.Stat) bool { return p.Name != "sleep" })
	if !came || len(left) != 1 {
		t.Errorf("a child that is bound late survives, but this is seen: %v", left)
	}
	return []string{s.name, lateBinding + " (must survive)", "1", "1", strconv.Itoa(len(left))}
}

// sites are those of the operation when nobody is killed.
func (s suite) sites(t *testing.T, b boundary) []fault.Site {
	t.Helper()
	p := s.converse(t, b)
	if o, ok := p.do(t, order{Operation: b.operation}); !ok || o.Err != "" || o.Broken != "" {
		t.Fatalf("%s, with nobody killed: %+v", b.operation, o)
	}
	sites := p.Trace()
	p.end(t)
	return sites
}

// converse starts a program and the other end of its conversation.
func (s suite) converse(t *testing.T, b boundary) *supervised {
	t.Helper()
	if b.partner == nil {
		return s.supervise(t, nil)
	}
	here, there, err := sockets()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	p := s.supervise(t, nil, there)
	p.partner = b.partner(t, s, here)
	return p
}

// killAt kills the program there. It says if it came there, and who is left of it that must
// not be.
func (s suite) killAt(t *testing.T, c cut, limit time.Duration) (came bool, left []testproc.Stat) {
	t.Helper()
	p := s.converse(t, c.boundary)
	armed, expect := 0, dies
	p.Watch(func(site fault.Site) syscall.Errno {
		if site == c.at {
			came = true
			if c.operation == s.attach() {
				expect = fateOf(armed)
			}
			p.killNow()
		}
		if site.Process == 0 && site.Call == fault.Arm {
			armed++
		}
		return 0
	})
	if c.operation == s.attach() {
		p.partner = func() error { return spare(c, expect) }
	}
	p.do(t, order{Operation: c.operation})
	p.Watch(fault.Pass) // and what was seen is ours to read
	return came, p.bury(t, limit)
}

// spare ends those who had to live on, and says if they have not.
func spare(c cut, expect fate) error {
	if expect == dies {
		return nil
	}
	if spared := terminateOrphans(); spared == 0 && expect == lives {
		return fmt.Errorf("%s: the program was killed before %v, and took somebody along who was not bound yet", c.operation, c.at)
	}
	return nil
}

// terminateOrphans ends the commands that have lost their parent, and counts those that no
// SIGKILL had ended before.
func terminateOrphans() (spared int) {
	for _, orphan := range testproc.Children(os.Getpid()) {
		if orphan.Name != "sleep" {
			continue
		}
		_ = unix.Kill(orphan.PID, unix.SIGTERM)
		var status unix.WaitStatus
		if _, err := unix.Wait4(orphan.PID, &status, 0, nil); err == nil && status.Signal() == unix.SIGTERM {
			spared++
		}
	}
	return spared
}

// killNow returns when the program is dead, and its descriptors are closed.
func (p *supervised) killNow() {
	_ = unix.Kill(p.cmd.Process.Pid, unix.SIGKILL)
	for errors.Is(unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
}
