//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

var refusals = []clause{
	{"TestR1_FlagsThatWouldBreakTheBond", func(t *testing.T, s suite) {
		for _, tt := range []struct {
			flags uintptr
			says  string
		}{
			{unix.CLONE_THREAD, "CLONE_THREAD"},
			{unix.CLONE_THREAD | unix.CLONE_VM | unix.CLONE_SIGHAND, "CLONE_THREAD"},
			{unix.CLONE_PARENT, "CLONE_PARENT"},
			{uintptr(unix.SIGCHLD), "exit signal"},
			{uintptr(unix.SIGTERM) | unix.CLONE_NEWUTS, "exit signal"},
		} {
			s.refuses(t, func(c *autokill.Cmd) {
				c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: tt.flags}
			}, syscall.EINVAL, tt.says)
		}
	}},
	{"TestR2_SharedDescriptorTable", func(t *testing.T, s suite) {
		s.refuses(t, func(c *autokill.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_FILES}
		}, syscall.EINVAL, "CLONE_FILES")
	}},
	{"TestR3_OtherMechanismIsNoSubstitute", func(t *testing.T, s suite) {
		// Whatever does not work here must be refused when it is asked for.
		for _, support := range autokill.Probe() {
			c := s.Command("true")
			c.Mechanism = support.Mechanism
			err := c.Start()
			works := support.Err == nil
			if support.Mechanism == autokill.Native && s.Scope == autokill.ScopeTree {
				works = false // it kills one process
			}
			switch {
			case err == nil && support.Mechanism == autokill.Native && s.Scope == autokill.ScopePIDNamespace:
				// It needs less than a process does: an init tells how the command has ended.
			case works && err != nil:
				t.Errorf("%v works, but: %v", support.Mechanism, err)
			case !works && !errors.Is(err, errors.ErrUnsupported):
				t.Errorf("%v does not work here (%v), but the start says %v", support.Mechanism, support.Err, err)
			}
			if err == nil {
				s.wait(t, c.Process)
				c.Process.Close()
			}
		}
	}},
	{"TestR5_InitOfAPIDNamespace", func(t *testing.T, s suite) {
		newPID := func(c *autokill.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
		}
		switch want := s.answer(t, model.Wish{Init: true}); {
		case errors.Is(want, syscall.EPERM):
			t.Skip("needs CAP_SYS_ADMIN")
		case want != nil:
			s.refuses(t, newPID, want, "PID namespace")
			return
		}
		e := newEcho(t)
		c := s.Command("cat")
		c.Stdin, c.Stdout = e.stdin, e.stdout
		newPID(c)
		p := s.begin(t, c)
		e.handOver()
		e.ping(t)
		p.Close()
		e.gone(t)
		killed(t, p)
	}},
	{"TestR5_AnotherUser", func(t *testing.T, s suite) {
		want := s.answer(t, model.Wish{OtherUser: true})
		if want == nil {
			t.Skip("root of the initial user namespace reaches everybody, and so does native: see TestL6_BecomesAnotherUser")
		}
		s.refuses(t, func(c *autokill.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1, Gid: 1}}
		}, want, "")
	}},
}

// refuses fails the test unless the start is refused with the error, nothing runs,
// and no descriptor stays open.
func (s suite) refuses(t *testing.T, change func(*autokill.Cmd), want error, says string) {
	t.Helper()
	warm := s.Command("true")
	if err := warm.Run(); err != nil {
		t.Fatal(err)
	}
	line := testproc.NewLifeline(t)
	before := testproc.Descriptors()
	c := s.Command("sleep", "1000")
	c.Stdout = line.End()
	change(c)
	err := c.Start()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want %v that says %q", err, want, says)
	}
	var e *autokill.OpError
	if !errors.As(err, &e) || e.Op != "start" {
		t.Errorf("%v is no *autokill.OpError of the start", err)
	}
	if after := testproc.DescriptorsSoon(before); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	line.AllGone(t)
	if err == nil {
		c.Process.Close()
		s.wait(t, c.Process)
	}
}
