//go:build linux && (amd64 || arm64)

package handles_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/handles"
	"github.com/autokill/autokill/internal/testproc"
)

// TestNested: a holder that is a child itself.
func TestNested(t *testing.T) {
	w := way{autokill.Tripwire, autokill.ScopeTree}
	inner := way{autokill.Tripwire, autokill.ScopeProcess}
	c := w.command(testproc.Exe, inner.String())
	c.Env, c.Stderr = testproc.RoleEnv(holderRole), os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Wait() }()
	defer in.Close()
	var child int
	if _, err := fmt.Fscan(out, &child); err != nil {
		t.Fatal(err)
	}
	if h := the(t, see(t), child); len(h.Holders) != 1 || h.Holders[0].PID != c.Process.Pid || h.Holders[0].Below != c.Process.Pid {
		t.Errorf("held by %+v, want %d", h.Holders, c.Process.Pid)
	}
	if h := the(t, see(t), c.Process.Pid); h.Holders[0].Below != 0 {
		t.Errorf("held by %+v, who is in nobody's care", h.Holders)
	}
}

// TestUnseen: what a holder holds may not be seen by everybody. Then it is not known
// whether a handle is in flight.
func TestUnseen(t *testing.T) {
	w := way{autokill.Tripwire, autokill.ScopeProcess}
	holder := startOther(t, as(testproc.Command(holderRole, w.String(), secret)))
	var child int
	if _, err := fmt.Sscan(holder.line(t), &child); err != nil {
		t.Fatal(err)
	}
	looker := startOther(t, as(testproc.Command(lookerRole)))
	s := looker.looks(t)
	h := the(t, s, child)
	if len(h.Holders) != 0 || h.Ended || h.Child.Command != "sleep 1000" {
		t.Errorf("%+v", h)
	}
	if s.Unseen == 0 || s.Complete() {
		t.Errorf("an ordinary user has seen all: %+v", s)
	}
}

// TestThreads: descriptors of a process whose first thread has ended, and of one in which
// only a thread has the handle, in a table of its own.
func TestThreads(t *testing.T) {
	w := way{autokill.Tripwire, autokill.ScopeProcess}
	for _, manner := range []string{headless, apart} {
		t.Run(manner, func(t *testing.T) {
			holder := startOther(t, testproc.Command(holderRole, w.String(), manner))
			var child int
			if _, err := fmt.Sscan(holder.line(t), &child); err != nil {
				t.Fatal(err)
			}
			if h := the(t, see(t), child); len(h.Holders) != 1 || h.Holders[0].PID != holder.Process.Pid || len(h.Holders[0].Descriptors) != 1 {
				t.Errorf("held by %+v, want %d", h.Holders, holder.Process.Pid)
			}
		})
	}
}

// TestHidden: other users' processes are not even there.
func TestHidden(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts /proc with hidepid")
	}
	w := way{autokill.Tripwire, autokill.ScopeProcess}
	p := w.start(t)
	c := testproc.Command(hiddenRole)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	c.Dir = "/"
	s := startOther(t, c).looks(t)
	if !s.Hidden || s.Complete() {
		t.Errorf("nothing is hidden: %+v", s)
	}
	// Its name says who it is, but not whether it is there.
	if h := the(t, s, p.Pid); len(h.Holders) != 0 || h.Ended || h.Child.Command != "" || h.Child.UID != -1 {
		t.Errorf("%+v", h)
	}
}

// TestAsksForNothing: nothing is used by which a reference could be had.
func TestAsksForNothing(t *testing.T) {
	w := way{autokill.Tripwire, autokill.ScopeProcess}
	p := w.start(t)
	c := testproc.Command(lookerRole)
	c.Env = testproc.Denying(c.Env, "pidfd_getfd=EPERM,recvmsg=EPERM,recvfrom=EPERM,connect=EPERM,ptrace=EPERM")
	if h := the(t, startOther(t, c).looks(t), p.Pid); len(h.Holders) != 1 {
		t.Errorf("%+v", h)
	}
}

// looks makes a looker look.
func (o *other) looks(t *testing.T) (s handles.Sight) {
	t.Helper()
	if _, err := io.WriteString(o.in, "\n"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(o.line(t)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// as makes a command an ordinary user's.
func as(c *exec.Cmd) *exec.Cmd {
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		c.Dir = "/"
	}
	return c
}
