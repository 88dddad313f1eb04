//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// runsAlready starts a script that holds a lifeline as descriptor 3, and waits until it has said
// there that it is ready.
func runsAlready(t *testing.T, script string) (*testproc.Lifeline, *exec.Cmd, io.Closer) {
	t.Helper()
	line := testproc.NewLifeline(t)
	cmd := exec.Command("sh", "-c", "echo ready >&3; "+script)
	cmd.ExtraFiles = []*os.File{line.End()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		_ = cmd.Wait()
	})
	line.Cut()
	read(t, line, "ready\n")
	return line, cmd, in
}

// attaches starts autokill attach, and waits until it says that it has bound.
func attaches(t *testing.T, pid int, command ...string) (*exec.Cmd, *testproc.Lifeline) {
	t.Helper()
	stderr := testproc.NewLifeline(t)
	cmd := exec.Command(command[0], append(command[1:], strconv.Itoa(pid))...)
	launch(t, testproc.NewLifeline(t), stderr, cmd)
	text := ""
	for one := make([]byte, 1); !strings.HasSuffix(text, "\n"); text += string(one) {
		if _, err := stderr.Read(one); err != nil {
			t.Fatalf("autokill said %q, then %v", text, err)
		}
	}
	if !regexp.MustCompile(fmt.Sprintf(`^autokill: process (group )?%d \(\w+\)( of \d+)? is bound to this autokill, by tripwire\n$`, pid)).MatchString(text) {
		t.Fatalf("autokill said %q", text)
	}
	return cmd, stderr
}

func exitCode(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	var failed *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

// TestAttachStatus: the process is our child and not autokill's.
func TestAttachStatus(t *testing.T) {
	needs(t, "sh")
	for script, want := range map[string]int{"read x; exit 7": 7, "read x; exit 0": 0, "read x; kill -USR1 $$": 128 + int(syscall.SIGUSR1)} {
		_, target, in := runsAlready(t, script)
		cmd, stderr := attaches(t, target.Process.Pid, "autokill", "attach")
		in.Close()
		_ = target.Wait()
		if !testproc.KernelAtLeast(6, 15) {
			want = 125
		}
		if got := exitCode(t, cmd); got != want {
			t.Errorf("%s: exit status %d, want %d", script, got, want)
		}
		said := string(stderr.AllGone(t))
		if strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, fmt.Sprintf("autokill: process %d has ended", target.Process.Pid)) {
			t.Errorf("%s: autokill said %q", script, said)
		}
	}
}

// TestAttachDies: what ends autokill ends the process.
func TestAttachDies(t *testing.T) {
	needs(t, "sh", "sleep")
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		line, target, _ := runsAlready(t, "trap '' INT TERM HUP QUIT; exec sleep 1000")
		cmd, stderr := attaches(t, target.Process.Pid, "autokill", "attach")
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != sig {
			t.Errorf("autokill ended with %v, want %v", cmd.ProcessState, sig)
		}
		line.AllGone(t)
		if said := stderr.AllGone(t); len(said) > 0 {
			t.Errorf("%v: autokill said %q", sig, said)
		}
	}
}

// TestAttachDiesWithStarter kills the shell that has started autokill.
func TestAttachDiesWithStarter(t *testing.T) {
	needs(t, "sh", "sleep")
	line, target, _ := runsAlready(t, "exec sleep 1000")
	cmd, stderr := attaches(t, target.Process.Pid, "sh", "-c", "autokill attach $0 & wait")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	line.AllGone(t)
	_ = target.Wait()
	stderr.AllGone(t)
}

// TestAttachGroup: all of a process group die, with --timeout here.
func TestAttachGroup(t *testing.T) {
	needs(t, "sh", "sleep")
	for flag, want := range map[string]int{"--signal=TERM": 124, "--signal=KILL": 137} {
		line, target, _ := runsAlready(t, "sleep 1000 & (sleep 1000 &); exec sleep 1000")
		cmd, stderr := attaches(t, target.Process.Pid, "autokill", "attach", "--group", "--timeout", "0.05", flag)
		reaped := make(chan struct{})
		go func() { // at once, or autokill is not told the status
			defer close(reaped)
			_ = target.Wait()
		}()
		line.AllGone(t)
		<-reaped
		if !testproc.KernelAtLeast(6, 15) {
			want = 125
		}
		if got := exitCode(t, cmd); got != want {
			t.Errorf("%s: exit status %d, want %d", flag, got, want)
		}
		stderr.AllGone(t)
	}
}

// TestAttachHold: autokill has another end to watch for.
func TestAttachHold(t *testing.T) {
	needs(t, "sh", "sleep")
	line, target, _ := runsAlready(t, "exec sleep 1000")
	held, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	defer end.Close()
	stderr := testproc.NewLifeline(t)
	cmd := exec.Command("autokill", "attach", "--hold", "4", strconv.Itoa(target.Process.Pid))
	launch(t, testproc.NewLifeline(t), stderr, cmd, held)
	read(t, stderr, "autokill: process ")
	end.Close()
	line.AllGone(t)
	_ = target.Wait()
	stderr.AllGone(t)
	_ = cmd.Wait()
}
