//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/autokilltest"
)

const edgeRole = "edge"

// edges are starts from processes that are in an odd state. Each says what must come
// of it.
var edges = map[string]func() error{
	// The numbers of the standard streams are free, so that a handle can get one,
	// and the child is to inherit that very number.
	"closed standard streams": func() error {
		if err := closeStreams(); err != nil {
			return err
		}
		c := autokill.Command("/bin/sleep", "1000")
		c.Stdin, c.Stdout, c.Stderr, c.Mechanism = os.Stdin, os.Stdout, os.Stderr, autokill.Tripwire
		return refused(c, os.ErrClosed, "closed")
	},
	"closed standard streams, nil ones": func() error {
		if err := closeStreams(); err != nil {
			return err
		}
		return autokill.Command("/bin/true").Run()
	},
	// What this thread starts is the init of a new PID namespace.
	"unshared PID namespace": func() error {
		if err := autokill.Command("/bin/true").Run(); err != nil {
			return err
		}
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWPID); err != nil {
			return err
		}
		c := autokill.Command("/bin/sleep", "1000")
		c.Mechanism = autokill.Tripwire
		return refused(c, errors.ErrUnsupported, "another PID namespace")
	},
}

// closeStreams closes standard input and output behind the back of package os, when
// the Go runtime has all the descriptors that it wants.
func closeStreams() error {
	if err := autokill.Command("/bin/true").Run(); err != nil {
		return err
	}
	return errors.Join(unix.Close(0), unix.Close(1))
}

func refused(c *autokill.Cmd, want error, says string) error {
	err := c.Start()
	if err == nil {
		return errors.Join(errors.New("it was started"), c.Process.Close())
	}
	if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
		return fmt.Errorf("got %w, want %w that says %q", err, want, says)
	}
	return nil
}

func edge(args []string) int {
	if err := edges[args[0]](); err != nil {
		fmt.Fprintln(os.Stderr, "edge:", err)
		return 1
	}
	return 0
}

func TestEdges(t *testing.T) {
	for name := range edges {
		t.Run(name, func(t *testing.T) {
			if name == "unshared PID namespace" && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			cmd := autokilltest.Helper(edgeRole, name)
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRusage(t *testing.T) {
	c := autokill.Command("/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
	c.Rusage = true
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if got := c.Process.Mechanism(); got != autokill.Tripwire {
		t.Errorf("Rusage selects %v", got)
	}
	usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss == 0 {
		t.Errorf("no usage: %+v", usage)
	}
	if c.ProcessState.UserTime()+c.ProcessState.SystemTime() <= 0 || c.ProcessState.UserTime() > time.Minute {
		t.Errorf("user %v, system %v", c.ProcessState.UserTime(), c.ProcessState.SystemTime())
	}
	if !c.ProcessState.Exited() {
		t.Errorf("it did not exit: %v", c.ProcessState)
	}
}

// TestObserverAfterClose: when all is over there is nothing left to look at, and the
// status still stands.
func TestObserverAfterClose(t *testing.T) {
	c := autokill.Command("/bin/true")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Process.Observer(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Observer: %v", err)
	}
	if _, err := c.Process.Info(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Info: %v", err)
	}
	if state, err := c.Process.Wait(); err != nil || !state.Success() {
		t.Errorf("Wait: %v, %v", state, err)
	}
	if err := c.Wait(); err == nil {
		t.Error("Cmd.Wait can be called twice")
	}
	if err := c.Start(); err == nil {
		t.Error("a Cmd can be started twice")
	}
}

// TestClosedFile: an error says once whose it is.
func TestClosedFile(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	if _, err := autokill.FromFile(file); !errors.Is(err, os.ErrClosed) || err.Error() != "autokill: from file: file already closed" {
		t.Errorf("FromFile: %v", err)
	}
	if _, err := autokill.FromFile(nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("FromFile: %v", err)
	}
}

func TestParseMechanism(t *testing.T) {
	for _, m := range []autokill.Mechanism{autokill.Best, autokill.Native, autokill.Tripwire} {
		if got, err := autokill.ParseMechanism(m.String()); err != nil || got != m {
			t.Errorf("ParseMechanism(%q) = %v, %v", m, got, err)
		}
	}
	if _, err := autokill.ParseMechanism("guard"); err == nil {
		t.Error(`ParseMechanism("guard") succeeds`)
	}
}

func TestString(t *testing.T) {
	c := &autokill.Cmd{Path: "/bin/echo", Args: []string{"echo", "a", "b"}}
	if got, want := c.String(), "/bin/echo a b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
