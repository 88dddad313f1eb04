//go:build linux

package cli

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// lasting is a command that says when it runs, over descriptor 3, and does not end
// by itself.
const lasting = "echo ready >&3; exec sleep 1000"

// needs skips where a program is missing in a machine of the kernel matrix, which
// has few. Elsewhere that is a failure.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			if testproc.InMatrix() {
				t.Skipf("this machine has no %s", name)
			}
			t.Fatal(err)
		}
	}
}

// launch starts a program with the end of a lifeline as descriptor 3, of another one
// as standard error, and files from 4 on. Without a controlling terminal, so that
// the terminal of who runs the tests changes nothing.
func launch(t *testing.T, line, stderr *testproc.Lifeline, cmd *exec.Cmd, files ...*os.File) {
	t.Helper()
	cmd.ExtraFiles = append([]*os.File{line.End()}, files...)
	cmd.Stderr = stderr.End()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line.Cut()
	stderr.Cut()
}

func read(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

// TestDiesWithAutokill kills autokill in the worst way.
func TestDiesWithAutokill(t *testing.T) {
	needs(t, "sh", "sleep")
	for _, mechanism := range []string{"best", "tripwire"} {
		t.Run(mechanism, func(t *testing.T) {
			line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
			cmd := exec.Command("autokill", "run", "--mechanism", mechanism, "--", "sh", "-c", lasting)
			launch(t, line, stderr, cmd)
			read(t, line, "ready\n")
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			line.AllGone(t)
			stderr.AllGone(t)
		})
	}
}

// TestDescendants: what the command has started dies with autokill, and with the end of
// the command.
func TestDescendants(t *testing.T) {
	needs(t, "sh", "sleep")
	const leaves = "sleep 1000 & (sleep 1000 &); echo ready >&3; "
	for _, tt := range []struct {
		name, script string
		kill         bool
	}{
		{"autokill is killed", leaves + "wait", true},
		{"the command has ended, autokill is killed", leaves + "exec 3>&-; kill -STOP $PPID; exit", true},
		{"the command ends", leaves + "exit", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
			cmd := exec.Command("autokill", "run", "sh", "-c", tt.script)
			launch(t, line, stderr, cmd)
			read(t, line, "ready\n")
			if tt.kill {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait()
			line.AllGone(t)
			stderr.AllGone(t)
		})
	}
}

// TestDiesWithStarter kills the shell that started autokill. Autokill itself goes,
// too: it holds the standard error.
func TestDiesWithStarter(t *testing.T) {
	needs(t, "sh", "sleep")
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	cmd := exec.Command("sh", "-c", "autokill run -- sh -c '"+lasting+"' & wait")
	launch(t, line, stderr, cmd)
	read(t, line, "ready\n")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	line.AllGone(t)
	if said := stderr.AllGone(t); len(said) > 0 {
		t.Errorf("autokill said %q", said)
	}
}

// TestWithoutParent: the command goes on working after its starter was killed.
func TestWithoutParent(t *testing.T) {
	needs(t, "sh", "cat")
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	cmd := exec.Command("sh", "-c", "autokill run --with-parent=false -- cat <&4 >&3 & exec 4<&-; wait")
	launch(t, line, stderr, cmd, in)
	in.Close()
	echo := func(text string) {
		t.Helper()
		if _, err := feed.WriteString(text); err != nil {
			t.Fatal(err)
		}
		read(t, line, text)
	}
	echo("before\n")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	echo("after\n")
	feed.Close()
	line.AllGone(t)
	stderr.AllGone(t)
}

func TestSignalsPassedOn(t *testing.T) {
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	cmd := exec.Command("autokill", "run", "hears")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	launch(t, line, stderr, cmd)
	read(t, out, "ready\n")
	for _, sig := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGWINCH,
	} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		read(t, out, unix.SignalName(sig)+"\n")
	}
	// These are autokill's own and end nobody.
	for _, sig := range []syscall.Signal{syscall.SIGPIPE, syscall.SIGCHLD, syscall.SIGURG} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	in.Close()
	rest, err := io.ReadAll(out)
	if err != nil || len(rest) > 0 {
		t.Errorf("then came %q, %v", rest, err)
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 5 {
		t.Errorf("exit status %d, want 5", got)
	}
	line.AllGone(t)
}

// TestKillAfterSignal: as in timeout(1), the clock also starts when autokill is
// asked to end.
func TestKillAfterSignal(t *testing.T) {
	needs(t, "sh", "sleep")
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	cmd := exec.Command("autokill", "run", "--kill-after", "0.05", "sh", "-c", "trap '' TERM; "+lasting)
	launch(t, line, stderr, cmd)
	read(t, line, "ready\n")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 137 {
		t.Errorf("exit status %d, want 137", got)
	}
	line.AllGone(t)
}

// TestInherits compares what a command gets from autokill with what it gets from
// env, which only execs: the same files at the same numbers with the same status,
// the same ignored signals, limits, and nothing else; and the same process group, if it
// is no tree.
func TestInherits(t *testing.T) {
	needs(t, "sh", "env")
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	nonblock, end := os.NewFile(uintptr(pipe[0]), "pipe"), os.NewFile(uintptr(pipe[1]), "pipe")
	defer nonblock.Close()
	defer end.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	defer in.Close()

	report := func(before, program string) string {
		cmd := exec.Command("sh", "-c", before+"ulimit -S -c 0; exec "+program+" inherits 'an argument' ''")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = nonblock, in, stderr
		cmd.ExtraFiles = []*os.File{file, nil, nonblock, nil, nil, file, end}
		if strings.HasPrefix(program, "autokill exec") {
			_, cmd.ExtraFiles[1] = socketPair(t, unix.SOCK_SEQPACKET)
		}
		if err := cmd.Run(); err != nil {
			said, _ := os.ReadFile(stderr.Name())
			t.Fatalf("%s: %v\n%s", program, err, said)
		}
		var text bytes.Buffer
		lines := bufio.NewReader(out)
		for !strings.Contains(text.String(), "arguments: ") {
			l, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			text.WriteString(l)
		}
		return text.String()
	}
	for _, before := range []string{"", "trap '' HUP; ", "trap '' INT HUP; "} {
		want := report(before, "env")
		if got := report(before, "autokill run --scope process"); got != want {
			t.Errorf("%s\nautokill run --scope process:\n%s\nenv:\n%s", before, got, want)
		}
		if got := report(before, "autokill run"); withoutGroup(got) != withoutGroup(want) {
			t.Errorf("%s\nautokill run:\n%s\nenv:\n%s", before, got, want)
		}
		if got := report(before, "autokill exec --fd 4 --scope process"); got != want {
			t.Errorf("%s\nautokill exec --scope process:\n%s\nenv:\n%s", before, got, want)
		}
		if got := report(before, "autokill exec --fd 4"); withoutGroup(got) != withoutGroup(want) {
			t.Errorf("%s\nautokill exec:\n%s\nenv:\n%s", before, got, want)
		}
		if strings.Count(want, "descriptor ") < 7 {
			t.Errorf("the test lost its descriptors:\n%s", want)
		}
	}

	// The one that is held is missing, and nothing else.
	want := ""
	for l := range strings.Lines(report("exec 9>&-; ", "env")) {
		if !strings.HasPrefix(l, "descriptor 5:") {
			want += l
		}
	}
	want = withoutGroup(want)
	if got := report("exec 9>&-; exec 0<&8; ", "autokill run --hold 5"); withoutGroup(got) == want {
		t.Error("standard input makes no difference")
	}
	if got := report("exec 9>&-; ", "autokill run --hold 5"); withoutGroup(got) != want {
		t.Errorf("autokill run --hold 5:\n%s\nenv:\n%s", got, want)
	}
}

func withoutGroup(report string) string {
	begin := strings.Index(report, "group: ")
	end := begin + strings.IndexByte(report[begin:], '\n')
	return report[:begin] + report[end+1:]
}

// TestLetsGo: autokill keeps neither standard input and output nor the other files
// of the command open.
func TestLetsGo(t *testing.T) {
	needs(t, "sh", "sleep")
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	out := testproc.NewLifeline(t)
	cmd := exec.Command("autokill", "run", "sh", "-c", "exec 1>&- 3>&-; exec sleep 1000")
	cmd.Stdout = out.End()
	launch(t, line, stderr, cmd)
	line.AllGone(t)
	out.AllGone(t)
	if err := cmd.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("autokill is gone as well: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	stderr.AllGone(t)
}

// TestUnreadMessages: nobody reads what autokill says, and the command runs all the
// same. The message is that of nohup.
func TestUnreadMessages(t *testing.T) {
	needs(t, "sh")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd := exec.Command("sh", "-c", "trap '' HUP; exec autokill run sh -c 'exit 6'")
	cmd.Stderr = w
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != 6 {
		t.Errorf("%v, want exit status 6", cmd.ProcessState)
	}
	cmd = exec.Command("sh", "-c", "exec autokill run /no/such/program")
	cmd.Stderr = w
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != 127 {
		t.Errorf("%v, want exit status 127", cmd.ProcessState)
	}
}

func TestNohup(t *testing.T) {
	needs(t, "sh", "true")
	for flag, want := range map[string]int{"": 1, "--with-parent=false": 0} {
		out, err := exec.Command("sh", "-c", "trap '' HUP; exec autokill run "+flag+" true").CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(out), "\n"); lines != want || want > 0 && !strings.Contains(string(out), "--with-parent=false") {
			t.Errorf("with %q autokill said %q", flag, out)
		}
	}
}

// TestPrivilegeHint runs a program that is set-user-ID to somebody else.
func TestPrivilegeHint(t *testing.T) {
	var path string
	if os.Geteuid() == 0 {
		needs(t, "true")
		found, err := exec.LookPath("true")
		if err != nil {
			t.Fatal(err)
		}
		program, err := os.ReadFile(found)
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(t.TempDir(), "true")
		err = errors.Join(os.WriteFile(path, program, 0o755), os.Chown(path, 12345, -1), os.Chmod(path, 0o755|os.ModeSetuid))
		if err != nil {
			t.Fatal(err)
		}
	} else {
		for _, name := range []string{"/bin/su", "/usr/bin/su", "/usr/bin/passwd", "/bin/mount"} {
			if info, err := os.Stat(name); err == nil && info.Mode()&os.ModeSetuid != 0 {
				path = name
			}
		}
		if path == "" {
			t.Skip("this machine has no set-user-ID program known to this test")
		}
	}
	cmd := exec.Command("autokill", "run", path, "--help")
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil && os.Geteuid() == 0 {
		t.Errorf("%v: %s", err, said.String())
	}
	hint, _, _ := strings.Cut(said.String(), "\n")
	if !strings.Contains(hint, path) || !strings.Contains(hint, "no_new_privs") {
		t.Errorf("no hint: %q", said.String())
	}
}
