//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/autokilltest"
	"github.com/autokill/autokill/internal/testproc"
)

// TestRefusedStarts starts what cannot be started: each is a clear error, and
// nothing is left behind.
func TestRefusedStarts(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	tests := []struct {
		name string
		cmd  *autokill.Cmd
		want error
		says string
	}{
		{"missing file", &autokill.Cmd{Path: "/no/such/file"}, syscall.ENOENT, "execve /no/such/file: no such file"},
		{"missing in PATH", autokill.Command("no-such-program"), exec.ErrNotFound, "no-such-program"},
		{"directory", &autokill.Cmd{Path: dir}, syscall.EACCES, "it is a directory"},
		{"not executable", &autokill.Cmd{Path: file("plain", "x", 0o644)}, syscall.EACCES, "permission denied"},
		{"no interpreter", &autokill.Cmd{Path: file("script", "#!/no/such/interpreter\n", 0o755)}, syscall.ENOENT, "the interpreter that it names is not"},
		{"no #! line", &autokill.Cmd{Path: file("nohash", "echo hello\n", 0o755)}, syscall.ENOEXEC, "start sh"},
		{"empty path", &autokill.Cmd{}, nil, "no command"},
		{"NUL in an argument", autokill.Command("true", "a\x00b"), syscall.EINVAL, "argument with a NUL byte"},
		{"NUL in the path", &autokill.Cmd{Path: "a\x00b"}, syscall.EINVAL, "execve"},
		{"NUL in the environment", &autokill.Cmd{Path: "/bin/true", Env: []string{"A=\x00"}}, syscall.EINVAL, "environment variable contains NUL"},
		{"directory that is gone", &autokill.Cmd{Path: "/bin/true", Dir: "/no/such/dir"}, syscall.ENOENT, "chdir /no/such/dir"},
		{"root that is gone", &autokill.Cmd{Path: "/bin/true", SysProcAttr: &syscall.SysProcAttr{Chroot: "/no/such/dir"}}, nil, "chroot /no/such/dir"},
		{"a file that is closed", &autokill.Cmd{Path: "/bin/true", ExtraFiles: []*os.File{nil, closed}}, os.ErrClosed, "descriptor 4"},
		{"no such mechanism", &autokill.Cmd{Path: "/bin/true", Mechanism: 9}, syscall.EINVAL, "there is no mechanism 9"},
		{"arguments too large", autokill.Command("true", strings.Repeat("x", 1<<18)), syscall.E2BIG, "too large"},
	}
	if err := autokill.Command("true").Run(); err != nil { // what is opened once is open now
		t.Fatal(err)
	}
	testproc.Soon(func() bool { // of other tests
		testproc.ReapAll()
		return len(testproc.Children(os.Getpid())) == 0
	})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			descriptors, goroutines := testproc.Descriptors(), runtime.NumGoroutine()
			err := tt.cmd.Start()
			if err == nil {
				tt.cmd.Process.Close()
				t.Fatal("it was started")
			}
			if tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v that says %q", err, tt.want, tt.says)
			}
			if n := testproc.DescriptorsSoon(descriptors); n != descriptors {
				t.Errorf("%d descriptors before, %d after", descriptors, n)
			}
			// Those of another test may begin or end meanwhile.
			if !testproc.Soon(func() bool { return runtime.NumGoroutine() <= goroutines }) {
				t.Errorf("%d goroutines before, %d after", goroutines, runtime.NumGoroutine())
			}
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); !errors.Is(err, unix.ECHILD) {
				t.Errorf("a child is left: %d, %v", pid, err)
			}
		})
	}
}

// TestEmptyArgs: as in os/exec, no arguments at all means the path alone.
func TestEmptyArgs(t *testing.T) {
	if err := (&autokill.Cmd{Path: "/bin/true"}).Run(); err != nil {
		t.Error(err)
	}
}

// TestExhausted runs out of one thing after another in a process of its own, as an
// ordinary user: the error names the limit, nothing is left behind, and a start
// works again when there is room.
func TestExhausted(t *testing.T) {
	for _, tt := range []struct {
		limit string
		says  []string
	}{
		{"RLIMIT_NOFILE", []string{"RLIMIT_NOFILE"}}, // open, or with tripwire in flight
		{"no descriptor free", []string{"too many open files", "RLIMIT_NOFILE"}},
		{"RLIMIT_NPROC", []string{"clone", "RLIMIT_NPROC"}},
	} {
		t.Run(tt.limit, func(t *testing.T) {
			cmd := autokilltest.Helper(exhaustRole, tt.limit)
			if os.Geteuid() == 0 {
				// A uid of its own: the limit counts all that a user has.
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 64123, Gid: 64123}}
			}
			cmd.Dir = "/"
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, word := range tt.says {
				if !strings.Contains(string(out), word) {
					t.Errorf("the error does not say %q:\n%s", word, out)
				}
			}
			t.Logf("%s", out)
		})
	}
}

const exhaustRole = "exhaust"

// exhaust plays the process that has too little of something.
func exhaust(args []string) int {
	warmUp()
	var limit int
	var value uint64
	switch args[0] {
	case "RLIMIT_NOFILE":
		limit, value = unix.RLIMIT_NOFILE, 64
	case "no descriptor free":
		limit, value = unix.RLIMIT_NOFILE, 4 // the poller has some that are higher
	case "RLIMIT_NPROC":
		limit, value = unix.RLIMIT_NPROC, 1
	}
	var old unix.Rlimit
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "exhaust:", err)
		return 1
	}
	if err := unix.Getrlimit(limit, &old); err != nil {
		return fail(err)
	}
	if err := unix.Setrlimit(limit, &unix.Rlimit{Cur: value, Max: old.Max}); err != nil {
		return fail(err)
	}
	before := testproc.Descriptors()
	var children []*autokill.Process
	var refusal error
	for range 100 {
		c := autokill.Command("/bin/sleep", "1000")
		if refusal = c.Start(); refusal != nil {
			break
		}
		children = append(children, c.Process)
	}
	if refusal == nil {
		return fail(errors.New("the limit was never reached"))
	}
	for _, p := range children {
		p.Close()
		<-p.Done()
		p.Close()
	}
	if after := testproc.DescriptorsSoon(before); after != before {
		return fail(fmt.Errorf("%d descriptors before, %d after", before, after))
	}
	if err := unix.Setrlimit(limit, &old); err != nil {
		return fail(err)
	}
	if err := autokill.Command("/bin/true").Run(); err != nil {
		return fail(fmt.Errorf("with the limit lifted: %w", err))
	}
	fmt.Printf("%d children, then: %v\n", len(children), refusal)
	return 0
}

// warmUp makes the Go runtime start the threads that it may want later, when it is
// not allowed any.
func warmUp() {
	if err := autokill.Command("/bin/true").Run(); err != nil {
		fmt.Fprintln(os.Stderr, "exhaust:", err)
	}
	var threads, all sync.WaitGroup
	threads.Add(16)
	release := make(chan struct{})
	for range 16 {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			threads.Done()
			<-release
		})
	}
	threads.Wait()
	close(release)
	all.Wait()
}
