//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/fault"
	"github.com/autokill/autokill/internal/testproc"
)

// RunSupervised runs the clauses that look at each system call of a subject. They make a
// program of their own for most of them, and mean the same wherever that runs.
func RunSupervised(t *testing.T, subjects Subjects, name string) {
	subject, ok := subjects[name]
	if !ok {
		t.Fatalf("there is no subject %q", name)
	}
	for _, c := range testproc.Part([]clause{
		{"TestR3_EverySystemCallFails", everySystemCallFails},
		{"TestR3_EveryLimit", everyLimit},
		{"TestL7_KilledAtEveryBoundary", killedAtEveryBoundary},
	}) {
		t.Run(c.name, func(t *testing.T) { c.test(t, suite{Subject: subject, name: name}) })
	}
}

// supervised is a watched program and who stands over it.
type supervised struct {
	*fault.Supervisor
	cmd    *exec.Cmd
	socket *os.File
	ended  bool
	done   map[string]bool // operations
	// partner is called when the program is dead, and lets go of what it has given to this one,
	// or was given by it. It says how the contract is broken.
	partner func() error
}

// supervise starts one, as somebody else if sys says so.
func (s suite) supervise(t *testing.T, sys *syscall.SysProcAttr, files ...*os.File) *supervised {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "socket")
	p := &supervised{cmd: testproc.Command(enteringRole, s.name), done: map[string]bool{}, partner: func() error { return nil }}
	p.cmd.SysProcAttr, p.cmd.Stdin, p.cmd.ExtraFiles = sys, theirs, files
	err = p.cmd.Start()
	theirs.Close()
	if err != nil {
		_ = unix.Close(pair[0])
		t.Fatal(err)
	}
	listener, err := fault.Receive(pair[0])
	if err != nil {
		_ = unix.Close(pair[0])
		_ = p.cmd.Wait()
		t.Fatalf("needs seccomp user notification: %v", err)
	}
	p.Supervisor = fault.Supervise(listener, p.cmd.Process.Pid)
	if err := unix.SetNonblock(pair[0], true); err != nil {
		t.Fatal(err)
	}
	p.socket = os.NewFile(uintptr(pair[0]), "socket")
	t.Cleanup(func() { p.end(t) })
	p.answer(t)
	return p
}

// do has the program carry out an operation. It returns false if the program has ended.
func (p *supervised) do(t *testing.T, o order) (outcome, bool) {
	t.Helper()
	text, err := json.Marshal(o)
	if err == nil {
		_, err = p.socket.Write(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.answer(t)
}

func (p *supervised) answer(t *testing.T) (o outcome, ok bool) {
	t.Helper()
	// Longer than the program itself waits for what is to come of an operation.
	if err := p.socket.SetReadDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 1<<16)
	n, err := p.socket.Read(message)
	if err != nil || n == 0 {
		if errors.Is(err, os.ErrDeadlineExceeded) { // then it says where it is
			_ = p.cmd.Process.Signal(unix.SIGQUIT)
		}
		return outcome{}, false
	}
	if err := json.Unmarshal(message[:n], &o); err != nil {
		t.Fatal(err)
	}
	return o, true
}

// end ends the program, and sees that all are gone who came of it.
func (p *supervised) end(t *testing.T) {
	t.Helper()
	if left := p.bury(t, patience); len(left) > 0 {
		t.Errorf("somebody has survived: %v", left)
	}
}

// bury ends the program, and waits until all are gone who came of it. Those who are left
// then it kills, and returns.
func (p *supervised) bury(t *testing.T, limit time.Duration) (left []testproc.Stat) {
	t.Helper()
	if p.ended {
		return nil
	}
	p.ended = true
	p.socket.Close()
	_ = p.cmd.Wait()
	if err := p.partner(); err != nil {
		t.Error(err)
	}
	if !p.allGone(limit) {
		left = testproc.Children(os.Getpid())
		for _, c := range left {
			_ = unix.Kill(c.PID, unix.SIGKILL)
		}
		if !p.allGone(patience) {
			t.Fatal("somebody has survived, and cannot be found")
		}
	}
	if err := p.Err(); err != nil {
		t.Errorf("supervisor: %v", err)
	}
	return left
}

// allGone waits until nobody has the filter left, who had it or came of such a one. Of
// those who have lost their parent this program is the reaper.
func (p *supervised) allGone(limit time.Duration) bool {
	timeout := time.After(limit)
	for delay := 100 * time.Microsecond; ; delay = min(2*delay, 10*time.Millisecond) {
		testproc.ReapAll()
		select {
		case <-p.Gone():
			return true
		case <-timeout:
			return false
		case <-time.After(delay):
		}
	}
}
