//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

var privileges = []clause{
	{"TestP1_ChildHasNoNewPrivsAndParentKeeps", func(t *testing.T, s suite) {
		before := ownNoNewPrivs(t)
		p, _ := s.start(t)
		if got := statusField(t, p.Pid, "NoNewPrivs"); got != "1" {
			t.Errorf("NoNewPrivs of the child is %s", got)
		}
		after := ownNoNewPrivs(t)
		for task, value := range after {
			if old, ok := before[task]; ok && old != value {
				t.Errorf("NoNewPrivs of our thread %s was %s and is %s", task, old, value)
			}
		}
	}},
	{"TestP2_WithoutNoNewPrivs", func(t *testing.T, s suite) {
		e := newEcho(t)
		c := s.Command("cat")
		c.Stdin, c.Stdout, c.AllowNewPrivs = e.stdin, e.stdout, true
		if want := s.answer(t, model.Wish{NewPrivs: true}); want != nil {
			if err := c.Start(); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			return
		}
		p := s.begin(t, c)
		e.handOver()
		s.bind(t, e)
		e.ping(t)
		// The child keeps what we have.
		if got, want := statusField(t, p.Pid, "NoNewPrivs"), statusField(t, os.Getpid(), "NoNewPrivs"); got != want {
			t.Errorf("NoNewPrivs of the child is %s, ours is %s", got, want)
		}
		p.Close()
		e.after(t, model.Closed)
	}},
	{"TestP3_NoPrivilegeIsNeeded", func(t *testing.T, s suite) {
		if os.Geteuid() == 0 {
			t.Skip("needs an ordinary user: the same suite is run as one")
		}
		if caps := statusField(t, os.Getpid(), "CapEff"); caps != "0000000000000000" {
			t.Fatalf("this user has capabilities: %s", caps)
		}
		h := s.hold(t, "kill")
		h.kill()
		h.after(t, model.Killed)
	}},
}

// hasCapability says whether it is in force in this process.
func hasCapability(t *testing.T, capability int) bool {
	t.Helper()
	set, err := strconv.ParseUint(statusField(t, os.Getpid(), "CapEff"), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return set&(1<<capability) != 0
}

// ownNoNewPrivs is the bit of each of our threads.
func ownNoNewPrivs(t *testing.T) map[string]string {
	t.Helper()
	tasks, err := filepath.Glob(filepath.Join(testproc.Proc(), "self/task/*/status"))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	all := map[string]string{}
	for _, task := range tasks {
		if _, err := os.Stat(task); err == nil {
			all[task] = taskField(t, task, "NoNewPrivs")
		}
	}
	return all
}
