//go:build linux

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

var scopes = []string{"process", "tree", "pidns"}

// TestTerminal: what the terminal sends reaches the command once, and Ctrl-Z and fg
// work on both of them.
func TestTerminal(t *testing.T) {
	needs(t, "sh")
	for _, scope := range scopes {
		t.Run(scope, func(t *testing.T) { terminalIn(t, "autokill run --scope "+scope+" hears", testproc.CtrlD, 5) })
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
	c := testproc.NewConsole(t)
	shell := c.Start(t, "sh", "-c", "set -m; "+job+"; echo stopped: $?; fg; echo ended: $?")
	c.Expect(t, "ready")
	settled(t, shell.Process.Pid)
	c.Write(t, testproc.CtrlC)
	c.Expect(t, "SIGINT")
	c.Write(t, testproc.CtrlBackslash)
	c.Expect(t, "SIGQUIT")
	c.Resize(t, 33, 77)
	c.Expect(t, "SIGWINCH")
	c.Write(t, testproc.CtrlZ)
	c.Expect(t, fmt.Sprintf("stopped: %d", 128+int(syscall.SIGTSTP)))
	c.Write(t, ends)
	c.Expect(t, fmt.Sprintf("ended: %d", status))
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
	for _, scope := range scopes {
		t.Run(scope, func(t *testing.T) {
			c := testproc.NewConsole(t)
			cmd := c.Start(t, "autokill", "run", "--scope", scope, "sh", "-c", "echo ready; exec sleep 1000")
			c.Expect(t, "ready")
			c.Write(t, testproc.CtrlC)
			diesOfInterrupt(t, c, cmd)
		})
	}
}

func diesOfInterrupt(t *testing.T, c *testproc.Console, cmd *exec.Cmd) {
	t.Helper()
	_ = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("%v, want death by SIGINT:\n%s", cmd.ProcessState, c.Seen())
	}
}

// TestInterruptedScript: a script that runs autokill, and gets no signal of a terminal that a tree has, ends
// with the command that a Ctrl-C has ended.
func TestInterruptedScript(t *testing.T) {
	needs(t, "sh", "sleep")
	for _, scope := range scopes {
		t.Run(scope, func(t *testing.T) {
			c := testproc.NewConsole(t)
			cmd := c.Start(t, "sh", "-c", "for i in 1 2; do autokill run --scope "+scope+" sh -c 'echo ready $1; exec sleep 1000' sh $i; done; echo went on")
			c.Expect(t, "ready 1")
			c.Write(t, testproc.CtrlC)
			diesOfInterrupt(t, c, cmd)
		})
	}
}

// TestFailedExecReturnsTheTerminal: a tree takes the terminal before its exec, which can fail.
func TestFailedExecReturnsTheTerminal(t *testing.T) {
	needs(t, "sh", "sleep")
	dir := t.TempDir()
	orphan, bare := filepath.Join(dir, "orphan"), filepath.Join(dir, "bare")
	for name, text := range map[string]string{orphan: "#!/no/such/interpreter\n", bare: "echo ready; exec sleep 1000\n"} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("to its starter", func(t *testing.T) {
		c := testproc.NewConsole(t)
		cmd := c.Start(t, "sh", "-c", "autokill run --scope tree "+orphan+"; echo status $?; read x && echo got $x")
		c.Expect(t, "status 127")
		c.Write(t, "word\n")
		c.Expect(t, "got word")
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Run("for the shell that runs the script", func(t *testing.T) {
		c := testproc.NewConsole(t)
		cmd := c.Start(t, "autokill", "run", "--scope", "tree", bare)
		c.Expect(t, "ready")
		c.Write(t, testproc.CtrlC)
		diesOfInterrupt(t, c, cmd)
	})
}

// TestShellDiesWhileStopped: what has no shell any more that could continue it dies like
// what runs.
func TestShellDiesWhileStopped(t *testing.T) {
	needs(t, "sh")
	for _, scope := range scopes {
		t.Run(scope, func(t *testing.T) {
			c, line := testproc.NewConsole(t), testproc.NewLifeline(t)
			shell := exec.Command("sh", "-c", "set -m; autokill run --scope "+scope+" hears; echo stopped: $?; read x")
			shell.ExtraFiles = []*os.File{line.End()}
			c.StartCmd(t, shell)
			line.Cut()
			c.Expect(t, "ready")
			c.Write(t, testproc.CtrlZ)
			c.Expect(t, fmt.Sprintf("stopped: %d", 128+int(syscall.SIGTSTP)))
			if err := shell.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = shell.Wait()
			line.AllGone(t)
		})
	}
}

// TestTreeAsksForTheTerminal: one that begins in the background gets the terminal when
// it reads from there, and the shell has it again in the end.
func TestTreeAsksForTheTerminal(t *testing.T) {
	needs(t, "sh", "cat")
	c := testproc.NewConsole(t)
	shell := c.Start(t, "sh", "-c", `autokill run --scope tree sh -c 'echo asks; read x; echo has $x' | cat; read y; echo then $y`)
	c.Expect(t, "asks")
	c.Write(t, "one\n")
	c.Expect(t, "has one")
	c.Write(t, "two\n")
	c.Expect(t, "then two")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTreeStopsWhereNobodyIs: a stop that no shell sees is no stop for ever.
func TestTreeStopsWhereNobodyIs(t *testing.T) {
	c := testproc.NewConsole(t)
	cmd := c.Start(t, "autokill", "run", "--scope", "tree", "hears")
	c.Expect(t, "ready")
	c.Write(t, testproc.CtrlZ)
	c.Write(t, testproc.CtrlC)
	c.Expect(t, "SIGINT")
	c.Write(t, testproc.CtrlD)
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 5 {
		t.Errorf("%v, want exit status 5", cmd.ProcessState)
	}
}

// TestInnerShell: an interactive shell in a tree believes in its job control. It works,
// and so do Ctrl-C and pipelines; fg does not, since nobody may signal a group in a tree.
func TestInnerShell(t *testing.T) {
	needs(t, "bash", "sleep", "cat")
	c := testproc.NewConsole(t)
	cmd := c.Start(t, "autokill", "run", "--scope", "tree", "bash", "--norc", "--noprofile", "-i")
	c.Write(t, "PS1='$ '; echo here $((1+1))\n")
	c.Expect(t, "here 2")
	c.Write(t, "sleep 1000\n")
	c.Expect(t, "sleep 1000")
	eventually(t, "sleep", func() bool { return descendants(cmd.Process.Pid)["sleep"] })
	c.Write(t, testproc.CtrlC)
	c.Expect(t, "^C")
	c.Expect(t, "$ ") // what is typed before the shell has the terminal can be lost
	c.Write(t, "echo after $?\n")
	c.Expect(t, "after 130")
	c.Write(t, "echo piped | cat | cat; sleep 1000 & echo bg $((2+2))\n")
	c.Expect(t, "bg 4")
	c.Write(t, "kill %1\n")
	c.Expect(t, "Operation not permitted")
	c.Write(t, "exit 7\n")
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 7 {
		t.Errorf("%v, want exit status 7", cmd.ProcessState)
	}
}

// TestInnerShellInItsNamespace: there an interactive shell is as good as outside, and who
// started it has the terminal again.
func TestInnerShellInItsNamespace(t *testing.T) {
	needs(t, "sh", "bash", "sleep", "cat")
	c := testproc.NewConsole(t)
	shell := c.Start(t, "sh", "-c", "autokill run --scope pidns -- bash --norc --noprofile -i; echo ended: $?; read line && echo read: $line")
	c.Write(t, "PS1='$ '; echo pid $((20+$$))\n")
	c.Expect(t, "pid 22")
	c.Write(t, "sleep 1000\n")
	c.Expect(t, "sleep 1000")
	eventually(t, "sleep", func() bool { return descendants(shell.Process.Pid)["sleep"] })
	c.Write(t, testproc.CtrlZ)
	c.Expect(t, "Stopped")
	c.Write(t, "bg; jobs\n")
	c.Expect(t, "Running")
	c.Expect(t, "sleep 1000 &")
	inner := c.ForegroundGroup(t)
	c.Write(t, "fg\n")
	c.Expect(t, "sleep 1000")
	eventually(t, "job in the foreground", func() bool { return c.ForegroundGroup(t) != inner })
	c.Write(t, testproc.CtrlC)
	c.Expect(t, "^C")
	c.Expect(t, "$ ") // what is typed before the shell has the terminal can be lost
	c.Write(t, "echo after $?\n")
	c.Expect(t, "after 130")
	c.Write(t, "echo piped | cat | cat; sleep 1000 & kill %1; wait $!; echo killed $?\n")
	c.Expect(t, "killed 143")
	c.Write(t, "exit 7\n")
	c.Expect(t, "ended: 7")
	c.Write(t, "something\n")
	c.Expect(t, "read: something")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTreeWithATerminalOfItsOwn: what the caller asks for the child gets for true, and
// what a program inside believes to have got is enough for it to go on.
func TestTreeWithATerminalOfItsOwn(t *testing.T) {
	needs(t, "sh")
	c := testproc.NewConsole(t)
	cmd := &autokill.Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", "echo hello >/dev/tty; read x </dev/tty; echo got $x"},
		Stdin: c.Slave(), Stdout: c.Slave(), Stderr: c.Slave(),
		Scope:       autokill.ScopeTree,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Close()
	c.Expect(t, "hello")
	c.Write(t, "word\n")
	c.Expect(t, "got word")
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

// settled waits until no autokill that a shell has started is in the course of a start. A signal of
// the terminal that comes then it passes on, though the command may have got it, too.
func settled(t *testing.T, shell int) {
	t.Helper()
	eventually(t, "letting go of the command's output by autokill", func() bool {
		return !slices.ContainsFunc(testproc.Children(shell), func(child testproc.Stat) bool {
			_, err := os.Lstat(fmt.Sprintf("%s/%d/fd/1", testproc.Proc(), child.PID))
			return child.Name == "autokill" && child.State != "T" && err == nil
		})
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !testproc.Soon(ok) {
		t.Fatalf("no %s in %v", what, testproc.Patience)
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

// TestTerminalComesBack: a shell that was killed cannot give back the terminal that it
// took for its own group. The next one to read must be who started autokill.
func TestTerminalComesBack(t *testing.T) {
	needs(t, "sh", "bash")
	c := testproc.NewConsole(t)
	shell := c.Start(t, "sh", "-c", "autokill run --scope process -- bash --norc --noprofile -i; echo ended: $?; read line && echo read: $line")
	c.Expect(t, "bash-")
	c.Write(t, "kill -KILL $$\n")
	c.Expect(t, "ended: 137")
	c.Write(t, "something\n")
	c.Expect(t, "read: something")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}
