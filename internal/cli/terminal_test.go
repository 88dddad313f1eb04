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

	"github.com/autokill/autokill"
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

var scopes = []string{"process", "tree", "pidns"}

// TestTerminal: what the terminal sends reaches the command once, and Ctrl-Z and fg
// work on both of them.
func TestTerminal(t *testing.T) {
	needs(t, "sh")
	for _, scope := range scopes {
		t.Run(scope, func(t *testing.T) { terminalIn(t, "autokill run --scope "+scope+" hears", ctrlD, 5) })
	}
	// The others of a pipeline have the terminal, and what comes from there autokill
	// passes on.
	t.Run("tree in a pipeline", func(t *testing.T) {
		terminalIn(t, `sh -c 'trap "" INT QUIT; echo; read x' | sh -c 'read x; exec autokill run --scope tree hears' | sh -c 'trap "" INT QUIT; cat'`, "x\n", 0)
	})
}

// terminalIn runs a job that hears.
func terminalIn(t *testing.T, job, ends string, status int) {
	t.Helper()
	c := newConsole(t)
	shell := c.start(t, "sh", "-c", "set -m; "+job+"; echo stopped: $?; fg; echo ended: $?")
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
	c.write(t, ends)
	c.expect(t, fmt.Sprintf("ended: %d", status))
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
	for _, scope := range scopes {
		t.Run(scope, func(t *testing.T) {
			c := newConsole(t)
			cmd := c.start(t, "autokill", "run", "--scope", scope, "sh", "-c", "echo ready; exec sleep 1000")
			c.expect(t, "ready")
			c.write(t, ctrlC)
			_ = cmd.Wait()
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
				t.Errorf("%v, want death by SIGINT", cmd.ProcessState)
			}
		})
	}
}

// TestTerminalComesBack: a shell that was killed cannot give back the terminal that it
// took for its own group. The next one to read must be who started autokill.
func TestTerminalComesBack(t *testing.T) {
	needs(t, "sh", "bash")
	c := newConsole(t)
	shell := c.start(t, "sh", "-c", "autokill run --scope process -- bash --norc --noprofile -i; echo ended: $?; read line && echo read: $line")
	c.expect(t, "bash-")
	c.write(t, "kill -KILL $$\n")
	c.expect(t, "ended: 137")
	c.write(t, "something\n")
	c.expect(t, "read: something")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTreeAsksForTheTerminal: one that begins in the background gets the terminal when
// it reads from there, and the shell has it again in the end.
func TestTreeAsksForTheTerminal(t *testing.T) {
	needs(t, "sh", "cat")
	c := newConsole(t)
	shell := c.start(t, "sh", "-c", `autokill run --scope tree sh -c 'echo asks; read x; echo has $x' | cat; read y; echo then $y`)
	c.expect(t, "asks")
	c.write(t, "one\n")
	c.expect(t, "has one")
	c.write(t, "two\n")
	c.expect(t, "then two")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTreeStopsWhereNobodyIs: a stop that no shell sees is no stop for ever.
func TestTreeStopsWhereNobodyIs(t *testing.T) {
	c := newConsole(t)
	cmd := c.start(t, "autokill", "run", "--scope", "tree", "hears")
	c.expect(t, "ready")
	c.write(t, ctrlZ)
	c.write(t, ctrlC)
	c.expect(t, "SIGINT")
	c.write(t, ctrlD)
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 5 {
		t.Errorf("%v, want exit status 5", cmd.ProcessState)
	}
}

// TestInnerShell: an interactive shell in a tree believes in its job control. It works,
// and so do Ctrl-C and pipelines; fg does not, since nobody may signal a group in a tree.
func TestInnerShell(t *testing.T) {
	needs(t, "bash", "sleep", "cat")
	c := newConsole(t)
	cmd := c.start(t, "autokill", "run", "--scope", "tree", "bash", "--norc", "--noprofile", "-i")
	c.write(t, "PS1='$ '; echo here $((1+1))\n")
	c.expect(t, "here 2")
	c.write(t, "sleep 1000\n")
	c.expect(t, "sleep 1000")
	eventually(t, "sleep", func() bool { return descendants(cmd.Process.Pid)["sleep"] })
	c.write(t, ctrlC)
	c.write(t, "echo after $?\n")
	c.expect(t, "after 130")
	c.write(t, "echo piped | cat | cat; sleep 1000 & echo bg $((2+2))\n")
	c.expect(t, "bg 4")
	c.write(t, "kill %1\n")
	c.expect(t, "Operation not permitted")
	c.write(t, "exit 7\n")
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 7 {
		t.Errorf("%v, want exit status 7", cmd.ProcessState)
	}
}

// TestInnerShellInItsNamespace: there an interactive shell is as good as outside, and who
// started it has the terminal again.
func TestInnerShellInItsNamespace(t *testing.T) {
	needs(t, "sh", "bash", "sleep", "cat")
	c := newConsole(t)
	shell := c.start(t, "sh", "-c", "autokill run --scope pidns -- bash --norc --noprofile -i; echo ended: $?; read line && echo read: $line")
	c.write(t, "PS1='$ '; echo pid $((20+$$))\n")
	c.expect(t, "pid 22")
	c.write(t, "sleep 1000\n")
	c.expect(t, "sleep 1000")
	eventually(t, "sleep", func() bool { return descendants(shell.Process.Pid)["sleep"] })
	c.write(t, ctrlZ)
	c.expect(t, "Stopped")
	c.write(t, "bg; jobs\n")
	c.expect(t, "Running")
	c.write(t, "fg\n")
	c.expect(t, "sleep 1000")
	c.write(t, ctrlC)
	c.write(t, "echo after $?\n")
	c.expect(t, "after 130")
	c.write(t, "echo piped | cat | cat; sleep 1000 & kill %1; wait $!; echo killed $?\n")
	c.expect(t, "killed 143")
	c.write(t, "exit 7\n")
	c.expect(t, "ended: 7")
	c.write(t, "something\n")
	c.expect(t, "read: something")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTreeWithATerminalOfItsOwn: what the caller asks for the child gets for true, and
// what a program inside believes to have got is enough for it to go on.
func TestTreeWithATerminalOfItsOwn(t *testing.T) {
	needs(t, "sh")
	c := newConsole(t)
	cmd := &autokill.Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", "echo hello >/dev/tty; read x </dev/tty; echo got $x"},
		Stdin: c.slave, Stdout: c.slave, Stderr: c.slave,
		Scope:       autokill.ScopeTree,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Close()
	c.expect(t, "hello")
	c.write(t, "word\n")
	c.expect(t, "got word")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Logf("a program that forks with a terminal was not tried: %v", err)
		return
	}
	out, err := exec.Command("autokill", "run", "python3", "-c", "import pty; pty.spawn(['sh', '-c', 'echo in pty'])").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "in pty") {
		t.Errorf("forkpty(3) in a tree: %v\n%s", err, out)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(start) > testproc.Patience {
			t.Fatalf("no %s in %v", what, testproc.Patience)
		}
	}
}

// descendants are the names of what a process has started, and what that has.
func descendants(pid int) map[string]bool {
	names := map[string]bool{}
	for _, c := range testproc.Children(pid) {
		names[c.Name] = true
		for name := range descendants(c.PID) {
			names[name] = true
		}
	}
	return names
}
