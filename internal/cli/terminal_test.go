//go:build linux

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// console is a pseudo-terminal and all that was read from it.
type console struct {
	master, slave *os.File
	seen          string
}

func newConsole(t *testing.T) *console {
	t.Helper()
	master, slave := testproc.Terminal(t)
	return &console{master: master, slave: slave}
}

// start makes the program the leader of a session on the terminal.
func (c *console) start(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.slave, c.slave, c.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

func (c *console) write(t *testing.T, keys string) {
	t.Helper()
	if _, err := c.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// expect reads until the text has come since the last time.
func (c *console) expect(t *testing.T, text string) {
	t.Helper()
	if err := c.master.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	from := len(c.seen)
	for !strings.Contains(c.seen[from:], text) {
		b := make([]byte, 256)
		n, err := c.master.Read(b)
		c.seen += string(b[:n])
		if err != nil {
			t.Fatalf("%v while waiting for %q; seen so far:\n%s", err, text, c.seen)
		}
	}
}

const ctrlC, ctrlD, ctrlZ, ctrlBackslash = "\x03", "\x04", "\x1a", "\x1c"

// TestTerminal: what the terminal sends reaches the command once, and Ctrl-Z and fg
// work on both of them.
func TestTerminal(t *testing.T) {
	needs(t, "sh")
	c := newConsole(t)
	shell := c.start(t, "sh", "-c", "set -m; autokill run hears; echo stopped: $?; fg; echo ended: $?")
	c.expect(t, "ready")
	c.write(t, ctrlC)
	c.expect(t, "SIGINT")
	c.write(t, ctrlBackslash)
	c.expect(t, "SIGQUIT")
	size := unix.Winsize{Row: 33, Col: 77}
	conn, err := c.master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Control(func(fd uintptr) { err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &size) })
	if err != nil {
		t.Fatal(err)
	}
	c.expect(t, "SIGWINCH")
	c.write(t, ctrlZ)
	c.expect(t, fmt.Sprintf("stopped: %d", 128+int(syscall.SIGTSTP)))
	c.write(t, ctrlD)
	c.expect(t, "ended: 5")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"SIGINT", "SIGQUIT", "SIGWINCH"} {
		if n := strings.Count(c.seen, name); n != 1 {
			t.Errorf("%s came %d times:\n%s", name, n, c.seen)
		}
	}
}

// TestInterrupted: a shell must see that it was a Ctrl-C.
func TestInterrupted(t *testing.T) {
	needs(t, "sh", "sleep")
	c := newConsole(t)
	cmd := c.start(t, "autokill", "run", "sh", "-c", "echo ready; exec sleep 1000")
	c.expect(t, "ready")
	c.write(t, ctrlC)
	_ = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("%v, want death by SIGINT", cmd.ProcessState)
	}
}

// TestTerminalComesBack: a shell that was killed cannot give back the terminal that it
// took for its own group. The next one to read must be who started autokill.
func TestTerminalComesBack(t *testing.T) {
	needs(t, "sh", "bash")
	c := newConsole(t)
	shell := c.start(t, "sh", "-c", "autokill run -- bash --norc --noprofile -i; echo ended: $?; read line && echo read: $line")
	c.expect(t, "bash-")
	c.write(t, "kill -KILL $$\n")
	c.expect(t, "ended: 137")
	c.write(t, "something\n")
	c.expect(t, "read: something")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}
