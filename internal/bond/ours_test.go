//go:build linux && (amd64 || arm64)

package bond

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// TestReapOrphans: one who lives on keeps nobody else waiting, and what is no pid of a child is
// nobody's.
func TestReapOrphans(t *testing.T) {
	start := func(name string, args ...string) *exec.Cmd {
		t.Helper()
		c := exec.Command(name, args...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	stranger, living, dead := start("true"), start("sleep", "1000"), start("true")
	reaped := make(chan struct{})
	go func() {
		defer close(reaped)
		ReapOrphans([]int{0, -1, living.Process.Pid, dead.Process.Pid})()
	}()
	if !testproc.Soon(func() bool { return unix.Kill(dead.Process.Pid, 0) != nil }) {
		t.Error("who has ended waits for who lives")
	}
	if err := stranger.Wait(); err != nil {
		t.Errorf("a child that was not meant: %v", err)
	}
	if pids := Unreaped(nil); !slices.Equal(pids, []int{living.Process.Pid}) {
		t.Errorf("to be reaped after the next exec: %v, want %d", pids, living.Process.Pid)
	}
	if err := living.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-reaped:
	case <-time.After(testproc.Patience):
		t.Error("it does not return")
	}
	if pids := Unreaped(nil); len(pids) > 0 {
		t.Errorf("to be reaped when all are gone: %v", pids)
	}
	for _, c := range []*exec.Cmd{living, dead} {
		_ = c.Wait() // has been reaped
	}
}

// TestUnreaped: the monitor of an adopted PID namespace is this program's to reap, and what another has
// started is not.
func TestUnreaped(t *testing.T) {
	child, err := Start(sleeper(), Wish{Kind: Tripwire, Scope: ScopePIDNamespace})
	if err != nil {
		t.Skipf("needs a PID namespace: %v", err)
	}
	defer child.Close()
	adopted := adoptAgain(t, child)
	monitor := child.reaps
	ours.drop(monitor.Pid, monitor) // as after an exec
	ours.claim(monitor.Pid, adopted)
	defer ours.drop(monitor.Pid, adopted)
	if pids := Unreaped(nil); !slices.Equal(pids, []int{monitor.Pid}) {
		t.Errorf("unreaped are %v, the monitor is %d, the command %d", pids, monitor.Pid, adopted.Pid)
	}
	if pids := Unreaped([]*Child{adopted}); len(pids) > 0 {
		t.Errorf("unreaped are %v, and all are kept", pids)
	}
	child.Kill()
	child.Await()
}
