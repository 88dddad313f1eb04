//go:build linux

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// bound is a command line of autokill exec with descriptor 4, and the handle of it. The
// other end is closed by the test in the end, or when it is launched.
func bound(t *testing.T, args ...string) (cmd *exec.Cmd, handle, give *os.File) {
	t.Helper()
	handle, give = socketPair(t, unix.SOCK_SEQPACKET)
	return exec.Command("autokill", append([]string{"exec", "--fd", "4"}, args...)...), handle, give
}

// TestExec: the command has the pid that was started, nobody else is there, and the death
// of the handle is its death.
func TestExec(t *testing.T) {
	needs(t, "sh", "sleep")
	for _, scope := range []string{"process", "tree"} {
		t.Run(scope, func(t *testing.T) {
			line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
			cmd, handle, give := bound(t, "--scope", scope, "sh", "-c", "echo $$ >&3; "+lasting)
			launch(t, line, stderr, cmd, give)
			read(t, line, fmt.Sprintf("%d\nready\n", cmd.Process.Pid))
			if children := testproc.Children(cmd.Process.Pid); len(children) > 0 {
				t.Errorf("it has children: %+v", children)
			}
			handle.Close()
			line.AllGone(t)
			stderr.AllGone(t)
			err := cmd.Wait()
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

// TestExecTree: all that the command starts dies, too.
func TestExecTree(t *testing.T) {
	needs(t, "sh", "sleep", "setsid")
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	cmd, handle, give := bound(t, "sh", "-c", "setsid sleep 1000 & (sleep 1000 &); "+lasting)
	launch(t, line, stderr, cmd, give)
	read(t, line, "ready\n")
	handle.Close()
	line.AllGone(t)
	_ = cmd.Wait()
}

// TestExecInTree binds the command alone, and says so.
func TestExecInTree(t *testing.T) {
	needs(t, "sh", "sleep")
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	handle, give := socketPair(t, unix.SOCK_SEQPACKET)
	cmd := exec.Command("autokill", "run", "autokill", "exec", "--fd", "4", "sh", "-c", lasting)
	launch(t, line, stderr, cmd, give)
	read(t, line, "ready\n")
	handle.Close()
	line.AllGone(t)
	_ = cmd.Wait()
	if said := string(stderr.AllGone(t)); !strings.HasPrefix(said, "autokill: inside a tree: ") || cmd.ProcessState.ExitCode() != 137 {
		t.Errorf("%v, %s", cmd.ProcessState, said)
	}
}

// TestExecHolderReads: a holder that reads loses the description, and then the command. That
// is how a runtime fails that reads whatever comes.
func TestExecHolderReads(t *testing.T) {
	needs(t, "sh", "sleep")
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	cmd, handle, give := bound(t, "sh", "-c", lasting)
	launch(t, line, stderr, cmd, give)
	read(t, line, "ready\n")
	b := make([]byte, 64)
	if n, err := unix.Read(int(handle.Fd()), b); n != 16 || err != nil {
		t.Errorf("read %d bytes of the description, %v", n, err)
	}
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("after one read: %v", err)
	}
	if n, err := unix.Read(int(handle.Fd()), b); n != 12 || err != nil {
		t.Errorf("then read %d bytes, %v", n, err)
	}
	line.AllGone(t)
	_ = cmd.Wait()
}

// TestExecStatus: as env(1), and one line for every mistake.
func TestExecStatus(t *testing.T) {
	needs(t, "sh", "cat")
	dir := t.TempDir()
	script, orphan := filepath.Join(dir, "script"), filepath.Join(dir, "orphan")
	if err := errors.Join(
		os.WriteFile(script, []byte("echo $1\nexit 3\n"), 0o755),
		os.WriteFile(orphan, []byte("#!/no/such/interpreter\n"), 0o755),
	); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		want   int
		prints string
	}{
		{[]string{"sh", "-c", "exit 7"}, 7, ""},
		{[]string{"--", "sh", "-c", "exit 7"}, 7, ""},
		{[]string{script, "argument"}, 3, "argument\n"},
		{[]string{"no-such-command"}, 127, "autokill: exec: \"no-such-command\": executable file not found in $PATH\n"},
		{[]string{orphan}, 127, "autokill: execve " + orphan + ": no such file or directory: the file is there, the interpreter that it names is not\n"},
		{[]string{dir}, 126, "autokill: execve " + dir + ": permission denied: it is a directory\n"},
		{nil, 125, "autokill: exec what? A COMMAND is missing: see autokill exec --help\n"},
		{[]string{"--scope", "pidns", "true"}, 125, "autokill: --fd 4: a program that runs already can be bound with scope process or tree, not pidns: invalid argument\n"},
		{[]string{"--fd", "2", "true"}, 125, "autokill: --fd 2: the command needs it: use 0, or a number from 3 on\n"},
		{[]string{"--fd", "63", "true"}, 125, "autokill: --fd 63: it is not open: the starter must let it be inherited\n"},
		{[]string{"--fd", "x", "true"}, 125, "autokill: invalid argument \"x\" for \"--fd\" flag: \"x\" is not a descriptor, write a number from 0 on: see autokill exec --help\n"},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			cmd, _, give := bound(t, tt.args...)
			cmd.ExtraFiles = []*os.File{nil, give}
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != tt.want || !strings.HasPrefix(string(out), tt.prints) || strings.Count(string(out), "\n") > 1 {
				t.Errorf("%v: %q, want status %d: %q", cmd.ProcessState, out, tt.want, tt.prints)
			}
		})
	}
	t.Run("no --fd", func(t *testing.T) {
		out, err := exec.Command("autokill", "exec", "true").CombinedOutput()
		if !strings.Contains(string(out), "--fd is missing") {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("nobody holds", func(t *testing.T) {
		cmd, handle, give := bound(t, "sh", "-c", "echo runs")
		handle.Close()
		cmd.ExtraFiles = []*os.File{nil, give}
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != statusFailed || !strings.HasPrefix(string(out), "autokill: --fd 4: the other end is closed already") {
			t.Errorf("%v: %s", cmd.ProcessState, out)
		}
	})
	t.Run("it would hold itself", func(t *testing.T) {
		cmd, handle, give := bound(t, "sh", "-c", "echo runs")
		cmd.ExtraFiles = []*os.File{nil, give, handle}
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != statusFailed || !strings.HasPrefix(string(out), "autokill: --fd 4: descriptor 5 is the other end") {
			t.Errorf("%v: %s", cmd.ProcessState, out)
		}
	})
	t.Run("standard input", func(t *testing.T) {
		_, give := socketPair(t, unix.SOCK_SEQPACKET)
		cmd := exec.Command("autokill", "exec", "--fd", "0", "sh", "-c", "cat; exit 4")
		cmd.Stdin = give
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 4 || len(out) > 0 {
			t.Errorf("%v: %s", cmd.ProcessState, out)
		}
	})
}

// TestExecLeavesNoTrace compares what a command sees of itself with what env shows, which
// only execs: signals that are blocked, ignored and caught, limits, and what else is in
// /proc/PID/status. It takes autokill as it is built for users, with a symbol table.
func TestExecLeavesNoTrace(t *testing.T) {
	needs(t, "cat")
	program := filepath.Join(t.TempDir(), "autokill")
	testproc.Go(t, "build", "-o", program, "../../cmd/autokill")
	const world = "ulimit -S -n 123; exec env --default-signal=HUP,INT --block-signal=TERM,USR1 --ignore-signal=QUIT,USR2,PIPE,CHLD,URG "
	report := func(program string) (lines []string) {
		_, give := socketPair(t, unix.SOCK_SEQPACKET)
		cmd := exec.Command("sh", "-c", world+program+" cat /proc/self/status /proc/self/limits")
		cmd.ExtraFiles = []*os.File{nil, give}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", program, err)
		}
		for line := range strings.Lines(string(out)) {
			switch name, _, _ := strings.Cut(line, ":"); {
			case name == "SigBlk", name == "SigIgn", name == "SigCgt", strings.HasPrefix(name, "Cap"),
				strings.HasPrefix(name, "Max"), strings.HasPrefix(name, "Cpus_allowed"), name == "Uid", name == "Gid", name == "Groups":
				lines = append(lines, line)
			}
		}
		return lines
	}
	want := strings.Join(report("env"), "")
	if !strings.Contains(want, "SigBlk:\t0000000000004200\n") || !strings.Contains(want, "SigIgn:\t0000000000411804\n") {
		t.Fatalf("the test lost its signals:\n%s", want)
	}
	if got := strings.Join(report(program+" exec --fd 4 --scope process --"), ""); got != want {
		t.Errorf("autokill exec:\n%s\nenv:\n%s", got, want)
	}
}

// callers is how many commands callsExec starts at once.
const callers = 8

// callsExec starts commands by autokill exec, as a program in another language does, and
// holds them until it is killed.
func callsExec() {
	lifeline := os.NewFile(3, "lifeline")
	for range callers {
		go func() {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
			give := os.NewFile(uintptr(pair[1]), "socket")
			cmd := exec.Command("autokill", "exec", "--fd", "4", "--", "sh", "-c", lasting)
			cmd.ExtraFiles = []*os.File{lifeline, give}
			if err := cmd.Start(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			give.Close()
			_ = cmd.Wait() // never, if all is well
		}()
	}
	select {}
}

// TestL7_ExecKillAtAnyMoment: the holder is killed while its commands start. They are not
// there, or they die.
func TestL7_ExecKillAtAnyMoment(t *testing.T) {
	needs(t, "sh", "sleep")
	rounds := 60
	if testing.Short() {
		rounds = 2
	}
	call := func(t *testing.T) (*exec.Cmd, *testproc.Lifeline) {
		line := testproc.NewLifeline(t)
		cmd := exec.Command("callsExec")
		cmd.ExtraFiles = []*os.File{line.End()}
		cmd.Stderr = nil // autokill says there that nobody holds
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		line.Cut()
		line.Deadline(t, time.Now().Add(testproc.Patience))
		return cmd, line
	}
	began := time.Now()
	cmd, line := call(t)
	read(t, line, strings.Repeat("ready\n", callers))
	usual := time.Since(began)
	ran := 0
	for range rounds {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		ran += bytes.Count(line.AllGone(t), []byte("ready\n"))
		if t.Failed() {
			return
		}
		cmd, line = call(t)
		time.Sleep(rand.N(usual + usual/4)) // chance picks the moment
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ran += bytes.Count(line.AllGone(t), []byte("ready\n"))
	t.Logf("%d commands were cut off in or after their start, %d of them ran by then: no survivor", rounds*callers, ran)
}
