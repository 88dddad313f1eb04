//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// secondOf makes a second Process of the handle of the first.
func secondOf(t *testing.T, p *autokill.Process) *autokill.Process {
	t.Helper()
	file, err := p.File()
	if err != nil {
		t.Fatal(err)
	}
	second, err := autokill.FromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close() })
	return second
}

func soon(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(testproc.Patience):
		t.Fatalf("%s: not within %v", what, testproc.Patience)
	}
}

// startAttached attaches a child of os/exec.
func startAttached(t *testing.T) (*exec.Cmd, *autokill.Process) {
	t.Helper()
	c := exec.Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Process.Kill(), c.Wait() })
	p, err := autokill.Attach(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return c, p
}

// TestAttachedIsLeftToItsParent: also by who gets its handle later.
func TestAttachedIsLeftToItsParent(t *testing.T) {
	c, p := startAttached(t)
	file, err := p.File()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	soon(t, "the first one's end", p.Done())
	second, err := autokill.FromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	soon(t, "the second one's end", second.Done())
	var ended *exec.ExitError
	if err := c.Wait(); !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("os/exec is told %v", err)
	}
}

// TestWithHandleUsesTheProcess: what has the number of the pidfd may call anything, and wait.
func TestWithHandleUsesTheProcess(t *testing.T) {
	_, p := startAttached(t)
	over := make(chan struct{})
	go func() {
		defer close(over)
		err := p.WithHandle(func(uintptr) {
			if _, err := p.Stop(t.Context(), syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}()
	soon(t, "WithHandle", over)
}

// TestMembersWithoutALeader: who gets the handle of a tree when its leader has gone does not know
// the number of the group, and does not say that it is empty.
func TestMembersWithoutALeader(t *testing.T) {
	line := testproc.NewLifeline(t)
	c := autokill.Command("sh", "-c", "sleep 1000 & exit")
	c.Scope = autokill.ScopeTree
	c.Stdout = line.End()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line.Cut()
	p := c.Process
	defer p.Close()
	soon(t, "the leader's end", p.Done())
	second := secondOf(t, p)
	if members, err := second.Members(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("pid %d: the members are %v, %v", second.Pid, members, err)
	}
	p.Close()
	second.Close()
	line.AllGone(t)
	if members, err := second.Members(); len(members) > 0 || err != nil {
		t.Errorf("after the end of all: %v, %v", members, err)
	}
}
