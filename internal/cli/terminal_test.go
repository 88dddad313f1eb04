//go:build linux

package cli

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

// TestTerminal: what the terminal sends reaches the command once, and Ctrl-Z and fg
// work on both of them.
func TestTerminal(t *testing.T) {
	needs(t, "sh")
	c := testproc.NewConsole(t)
	shell := c.Start(t, "sh", "-c", "set -m; autokill run hears; echo stopped: $?; fg; echo ended: $?")
	c.Expect(t, "ready")
	c.Write(t, testproc.CtrlC)
	c.Expect(t, "SIGINT")
	c.Write(t, testproc.CtrlBackslash)
	c.Expect(t, "SIGQUIT")
	c.Resize(t, 33, 77)
	c.Expect(t, "SIGWINCH")
	c.Write(t, testproc.CtrlZ)
	c.Expect(t, fmt.Sprintf("stopped: %d", 128+int(syscall.SIGTSTP)))
	c.Write(t, testproc.CtrlD)
	c.Expect(t, "ended: 5")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"SIGINT", "SIGQUIT", "SIGWINCH"} {
		if n := strings.Count(c.Seen(), name); n != 1 {
			t.Errorf("%s came %d times:\n%s", name, n, c.Seen())
		}
	}
}

// TestInterrupted: a shell must see that it was a Ctrl-C.
func TestInterrupted(t *testing.T) {
	needs(t, "sh", "sleep")
	c := testproc.NewConsole(t)
	cmd := c.Start(t, "autokill", "run", "sh", "-c", "echo ready; exec sleep 1000")
	c.Expect(t, "ready")
	c.Write(t, testproc.CtrlC)
	_ = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("%v, want death by SIGINT", cmd.ProcessState)
	}
}

// TestTerminalComesBack: a shell that was killed cannot give back the terminal that it
// took for its own group. The next one to read must be who started autokill.
func TestTerminalComesBack(t *testing.T) {
	needs(t, "sh", "bash")
	c := testproc.NewConsole(t)
	shell := c.Start(t, "sh", "-c", "autokill run -- bash --norc --noprofile -i; echo ended: $?; read line && echo read: $line")
	c.Expect(t, "bash-")
	c.Write(t, "kill -KILL $$\n")
	c.Expect(t, "ended: 137")
	c.Write(t, "something\n")
	c.Expect(t, "read: something")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}
