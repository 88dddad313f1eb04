//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

func sh(script string) *autokill.Cmd { return autokill.Command("/bin/sh", "-c", script) }

func TestStreams(t *testing.T) {
	var stdout, stderr bytes.Buffer
	c := sh("cat; echo err >&2")
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(strings.Repeat("in\n", 100000)), &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != strings.Repeat("in\n", 100000) || stderr.String() != "err\n" {
		t.Errorf("%d bytes of stdout, stderr %q", stdout.Len(), &stderr)
	}
}

// oneAtATime is a writer that notices when two write at once.
type oneAtATime struct {
	t    *testing.T
	busy chan struct{}
	n    int
}

func (w *oneAtATime) Write(p []byte) (int, error) {
	select {
	case w.busy <- struct{}{}:
	default:
		w.t.Error("two writes at once")
	}
	w.n += len(p)
	<-w.busy
	return len(p), nil
}

// uncomparable panics when it is compared with another one.
type uncomparable struct {
	io.Writer
	_ []int
}

func TestOneWriterForBoth(t *testing.T) {
	w := &oneAtATime{t: t, busy: make(chan struct{}, 1)}
	c := sh("i=0; while [ $i -lt 1000 ]; do echo out; echo err >&2; i=$((i+1)); done")
	c.Stdout, c.Stderr = w, w
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if w.n != 8000 {
		t.Errorf("%d bytes", w.n)
	}
	c = sh("echo out; echo err >&2")
	c.Stdout, c.Stderr = uncomparable{Writer: io.Discard}, uncomparable{Writer: io.Discard}
	if err := c.Run(); err != nil {
		t.Error(err)
	}
}

func TestOutput(t *testing.T) {
	out, err := sh("echo out; echo err >&2; exit 3").Output()
	var exit *autokill.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || string(exit.Stderr) != "err\n" || string(out) != "out\n" {
		t.Errorf("%q, %v, %+v", out, err, exit)
	}
	out, err = sh("echo out; echo err >&2; exit 3").CombinedOutput()
	if err == nil || string(out) != "out\nerr\n" {
		t.Errorf("%q, %v", out, err)
	}

	// As os/exec has it, to the letter.
	const long = "i=0; while [ $i -lt 20000 ]; do echo $i >&2; i=$((i+1)); done; exit 1"
	_, err = sh(long).Output()
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	_, err = exec.Command("/bin/sh", "-c", long).Output()
	var theirs *exec.ExitError
	if !errors.As(err, &theirs) || !bytes.Equal(exit.Stderr, theirs.Stderr) {
		t.Errorf("%d bytes of stderr, os/exec has %d", len(exit.Stderr), len(theirs.Stderr))
	}

	c := sh("true")
	c.Stdout, c.Stderr = io.Discard, io.Discard
	if _, err := c.Output(); err == nil {
		t.Error("Output with Stdout set")
	}
	if _, err := c.CombinedOutput(); err == nil {
		t.Error("CombinedOutput with Stdout set")
	}
	c.Stdout = nil
	if _, err := c.CombinedOutput(); err == nil {
		t.Error("CombinedOutput with Stderr set")
	}
}

// TestUnreadInput: that the child does not want all of it is no error.
func TestUnreadInput(t *testing.T) {
	c := sh("exit 0")
	c.Stdin = strings.NewReader(strings.Repeat("x", 1<<20))
	if err := c.Run(); err != nil {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

func TestCopyFails(t *testing.T) {
	want := errors.New("on purpose")
	c := sh("echo out")
	c.Stdout = failing{want}
	if err := c.Run(); !errors.Is(err, want) {
		t.Errorf("a writer that fails: %v", err)
	}
	c = sh("cat")
	c.Stdin = failing{want}
	if err := c.Run(); !errors.Is(err, want) {
		t.Errorf("a reader that fails: %v", err)
	}
	// How the child ended comes first, and it notices that nobody listens.
	c = sh("exec cat /dev/zero")
	c.Stdout = failing{want}
	var exit *autokill.ExitError
	if err := c.Run(); !errors.As(err, &exit) || exit.String() != "signal: broken pipe" {
		t.Errorf("%v", err)
	}
}

// TestNilFile: as with os/exec, a stream that is a nil *os.File is closed in the child.
func TestNilFile(t *testing.T) {
	var nothing *os.File
	c := sh("ls /proc/self/fd")
	c.Stdin, c.Stderr = nothing, nothing
	out, err := c.Output()
	// ls itself opens the directory, as the lowest free number: 0.
	if got := strings.Fields(string(out)); err != nil || strings.Join(got, " ") != "0 1" {
		t.Errorf("the child has %q, %v", got, err)
	}
}

func TestPipes(t *testing.T) {
	c := sh("cat; echo err >&2")
	stdin, err1 := c.StdinPipe()
	stdout, err2 := c.StdoutPipe()
	stderr, err3 := c.StderrPipe()
	if err := errors.Join(err1, err2, err3, c.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stdin, "in\n"); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	out, err1 := io.ReadAll(stdout)
	errOut, err2 := io.ReadAll(stderr)
	if err := errors.Join(err1, err2, c.Wait()); err != nil {
		t.Fatal(err)
	}
	if string(out) != "in\n" || string(errOut) != "err\n" {
		t.Errorf("stdout %q, stderr %q", out, errOut)
	}
	if _, err := stdout.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Wait the pipe answers %v", err)
	}
}

// TestPipesOfAStartThatFails are closed, both ends.
func TestPipesOfAStartThatFails(t *testing.T) {
	if err := sh("true").Run(); err != nil { // what is opened once is open now
		t.Fatal(err)
	}
	before := testproc.Descriptors()
	for _, c := range []*autokill.Cmd{
		autokill.Command("/no/such/file"), autokill.Command("no-such-program"), {}, {Path: "/bin/true", Env: []string{"\x00"}},
	} {
		stdin, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		c.Stdout = new(bytes.Buffer)
		if _, err := c.StderrPipe(); err != nil {
			t.Fatal(err)
		}
		if err := c.Run(); err == nil {
			t.Fatal("it was started")
		}
		if _, err := stdin.Write([]byte{0}); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the pipe of a start that failed answers %v", err)
		}
	}
	if after := testproc.DescriptorsSoon(before); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestWrongUse(t *testing.T) {
	started := sh("true")
	if err := started.Run(); err != nil {
		t.Fatal(err)
	}
	failed := autokill.Command("/no/such/file")
	if failed.Start() == nil {
		t.Fatal("it was started")
	}
	full := sh("true")
	full.Stdin, full.Stdout, full.Stderr = os.Stdin, os.Stdout, os.Stderr
	pipe := func(_ io.Closer, err error) error { return err }
	stdin := func(c *autokill.Cmd) error { p, err := c.StdinPipe(); return pipe(p, err) }
	stdout := func(c *autokill.Cmd) error { p, err := c.StdoutPipe(); return pipe(p, err) }
	stderr := func(c *autokill.Cmd) error { p, err := c.StderrPipe(); return pipe(p, err) }
	canceled := &autokill.Cmd{Path: "/bin/true", Cancel: func() error { return nil }}
	bare := *started
	bare.Stdin, bare.Stdout, bare.Stderr = nil, nil, nil
	for _, tt := range []struct {
		err  error
		says string
	}{
		{started.Start(), "exec: already started"},
		{started.Wait(), "exec: Wait was already called"},
		{failed.Start(), "exec: already started"},
		{failed.Wait(), "exec: not started"},
		{sh("true").Wait(), "exec: not started"},
		{stdin(full), "exec: Stdin already set"},
		{stdout(full), "exec: Stdout already set"},
		{stderr(full), "exec: Stderr already set"},
		{stdin(&bare), "exec: StdinPipe after process started"},
		{stdout(&bare), "exec: StdoutPipe after process started"},
		{stderr(&bare), "exec: StderrPipe after process started"},
		{new(autokill.Cmd).Start(), "exec: no command"},
		{canceled.Start(), "exec: command with a non-nil Cancel was not created with CommandContext"},
	} {
		if fmt.Sprint(tt.err) != tt.says {
			t.Errorf("got %v, want %q", tt.err, tt.says)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("CommandContext takes a nil context")
		}
	}()
	var none context.Context
	autokill.CommandContext(none, "true")
}

// TestErrorsMatch: errors.Is and errors.As find what they find with os/exec.
func TestErrorsMatch(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, start := range map[string]func(path string, dir string) error{
		"os/exec": func(path, dir string) error { c := exec.Command(path); c.Dir = dir; return c.Run() },
		"autokill": func(path, dir string) error {
			c := autokill.Command(path)
			c.Dir = dir
			return c.Run()
		},
	} {
		var search *autokill.Error
		if err := start("nowhere", ""); !errors.Is(err, autokill.ErrNotFound) || !errors.As(err, &search) || search.Name != "nowhere" {
			t.Errorf("%s: %v", name, err)
		}
		var path *fs.PathError
		if err := start("/no/such/file", ""); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) || path.Path != "/no/such/file" {
			t.Errorf("%s: %v", name, err)
		}
		if err := start("/bin/sh", "/no/such/dir"); !errors.Is(err, syscall.ENOENT) || !errors.As(err, &path) || path.Op != "chdir" || path.Path != "/no/such/dir" {
			t.Errorf("%s: %v", name, err)
		}
		if err := start("/bin", ""); !errors.Is(err, fs.ErrPermission) || !errors.As(err, &path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A step that is about no path.
	c := sh("true")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: 1 << 22}
	var path *fs.PathError
	if err := c.Run(); !errors.Is(err, syscall.EPERM) || !errors.As(err, &path) || path.Path != "/bin/sh" || !strings.Contains(err.Error(), "setpgid") {
		t.Errorf("%v", err)
	}
}

func TestWithHandle(t *testing.T) {
	c := sh("read x")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	called := false
	err = c.Process.WithHandle(func(fd uintptr) {
		called = true
		what, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil || !strings.Contains(what, "pidfd") {
			t.Errorf("it is %q, %v", what, err)
		}
	})
	if err != nil || !called {
		t.Errorf("%v, called %t", err, called)
	}
	stdin.Close()
	if err := c.Wait(); err == nil {
		t.Error("read at the end of file succeeds")
	}
	if err := c.Process.WithHandle(func(uintptr) { t.Error("called") }); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after the end: %v", err)
	}
}

func TestContext(t *testing.T) {
	killed := func(err error) bool {
		var exit *autokill.ExitError
		return errors.As(err, &exit) && exit.String() == "signal: killed"
	}
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	refuses := errors.New("does not want to")
	// The first word that the child says is when the context ends.
	for _, tt := range []struct {
		name   string
		script string
		set    func(c *autokill.Cmd, in io.Closer)
		want   func(error) bool
	}{
		{"the child is killed", "echo; read x", func(*autokill.Cmd, io.Closer) {}, killed},
		{
			"another way of ending it", "echo; read x; exit 0",
			func(c *autokill.Cmd, in io.Closer) { c.Cancel = in.Close }, is(context.Canceled),
		},
		{
			"another way, and the child has its own opinion", "echo; read x; exit 5",
			func(c *autokill.Cmd, in io.Closer) { c.Cancel = in.Close },
			func(err error) bool { return strings.HasPrefix(err.Error(), "exit status 5") },
		},
		{
			"a way that fails", "echo; read x; exit 0",
			func(c *autokill.Cmd, in io.Closer) {
				c.Cancel = func() error { return errors.Join(refuses, in.Close()) }
			}, is(refuses),
		},
		{
			"it had ended already", "echo; read x; exit 0",
			func(c *autokill.Cmd, in io.Closer) {
				c.Cancel = func() error { return errors.Join(os.ErrProcessDone, in.Close()) }
			}, is(nil),
		},
		{
			"nothing at once, but no longer than the delay", "trap '' TERM; echo; read x",
			func(c *autokill.Cmd, _ io.Closer) { c.Cancel, c.WaitDelay = nil, 10*time.Millisecond }, killed,
		},
		{
			"a signal that the child ignores", "trap '' TERM; echo; read x",
			func(c *autokill.Cmd, _ io.Closer) {
				c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
				c.WaitDelay = 10 * time.Millisecond
			}, killed,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := autokill.CommandContext(ctx, "/bin/sh", "-c", tt.script)
			stdin, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			c.Stdout = writerFunc(cancel)
			tt.set(c, stdin)
			if err := c.Run(); !tt.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := autokill.CommandContext(ctx, "/bin/true")
	if err := c.Start(); !errors.Is(err, context.Canceled) || c.Process != nil {
		t.Errorf("a start after the end of the context: %v", err)
	}
}

// writerFunc is called at every write.
type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

// TestWaitAfterRelease is an error, however often.
func TestWaitAfterRelease(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := autokill.CommandContext(ctx, "/bin/true")
	if err := errors.Join(c.Start(), c.Process.Release()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Wait(); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%v", err)
		}
	}
	<-c.Process.Done()
}

// TestWaitDelay: somebody whom the child has started holds its output, and Wait does
// not wait for that.
func TestWaitDelay(t *testing.T) {
	hold, release, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	c := sh("{ read x <&3; echo late; } & echo soon")
	c.ExtraFiles = []*os.File{hold}
	c.WaitDelay = time.Second // in which the first word is read
	out, err := c.Output()
	if !errors.Is(err, autokill.ErrWaitDelay) || string(out) != "soon\n" {
		t.Errorf("%q, %v", out, err)
	}
	release.Close() // the grandchild ends

	// What has ended in time is no matter of the delay.
	c = sh("echo soon; exit 4")
	c.WaitDelay = time.Nanosecond
	if err := c.Run(); errors.Is(err, autokill.ErrWaitDelay) || c.ProcessState.ExitCode() != 4 {
		t.Errorf("%v", err)
	}
}

// TestWaitEndsTheScope: Wait closes the handle, so whoever is left dies, and with that
// the output has its end. No delay is needed.
func TestWaitEndsTheScope(t *testing.T) {
	for _, scope := range []autokill.Scope{autokill.ScopeTree, autokill.ScopePIDNamespace} {
		t.Run(scope.String(), func(t *testing.T) {
			c := sh("sleep 1000 & setsid sleep 1000 & echo soon; exit 3")
			c.Scope = scope
			out, err := c.Output()
			if c.ProcessState.ExitCode() != 3 || string(out) != "soon\n" {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}
