//go:build linux && (amd64 || arm64)

package pidfd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// The leader of a process is its first thread, which runs main only if it is
// locked to it before main starts.
var _ = func() bool {
	if len(os.Args) > 1 && os.Args[1] == leaderFirst {
		runtime.LockOSThread()
	}
	return true
}()

const leaderFirst = "leader-first"

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]func([]string) int{
		// hold says that it runs and ends when its input does, with status args[0].
		"hold": func(args []string) int {
			fmt.Println("ready")
			untilEnd(os.Stdin)
			code, _ := strconv.Atoi(args[0])
			return code
		},
		leaderFirst: func([]string) int { return endLeaderFirst() },
		"try":       try,
	})
}

// endLeaderFirst ends the leader with 7, says so, and ends with status 3 when
// the input does.
func endLeaderFirst() int {
	go func() {
		stat := fmt.Sprintf("/proc/self/task/%d/stat", os.Getpid())
		for {
			text, err := os.ReadFile(stat)
			if err != nil || strings.Contains(string(text), ") Z ") {
				break
			}
			runtime.Gosched()
		}
		fmt.Println("ready")
		untilEnd(os.Stdin)
		unix.Exit(3)
	}()
	// Not RawSyscall: to the scheduler this thread is in a system call.
	_, _, errno := syscall.Syscall(unix.SYS_EXIT, 7, 0, 0)
	fmt.Println("exit returned", errno)
	return 1
}

func untilEnd(r io.Reader) {
	if _, err := io.Copy(io.Discard, r); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// child is a process that ends when told to.
type child struct {
	*exec.Cmd
	stdin io.WriteCloser
	t     *testing.T
}

// start starts the test binary in a role and returns when it runs.
func start(t *testing.T, as string, args ...string) *child {
	t.Helper()
	c := command(t, testproc.Exe, args...)
	// A program built with -race sleeps for a second before it ends.
	c.Env = append(testproc.RoleEnv(as), "GORACE=atexit_sleep_ms=0")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.run()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("helper %s: %q, %v", as, line, err)
	}
	return c
}

// command prepares a command whose stdin the test holds.
func command(t *testing.T, name string, args ...string) *child {
	t.Helper()
	c := &child{Cmd: exec.Command(name, args...), t: t}
	var err error
	if c.stdin, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *child) run() {
	c.t.Helper()
	if err := c.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		closeNow(c.t, c.stdin)
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			c.t.Error(err)
		}
		c.reap()
		// What Wait does only if nobody else has reaped.
		if err := c.Process.Release(); err != nil && !errors.Is(err, syscall.EINVAL) {
			c.t.Error(err)
		}
	})
}

// hold is a running child that ends with this status.
func hold(t *testing.T, status int) *child {
	t.Helper()
	return start(t, "hold", strconv.Itoa(status))
}

// end lets the child go on to its end.
func (c *child) end() { closeNow(c.t, c.stdin) }

// reap waits for the child, or finds that it is reaped.
func (c *child) reap() {
	c.t.Helper()
	var exit *exec.ExitError
	if err := c.Wait(); err != nil && !errors.As(err, &exit) && c.ProcessState == nil && !errors.Is(err, syscall.ECHILD) {
		c.t.Error(err)
	}
}

func (c *child) kill(fd *FD) {
	c.t.Helper()
	if err := fd.Signal(syscall.SIGKILL, ToReferent); err != nil {
		c.t.Error(err)
	}
}

// closeNow closes what may be closed already.
func closeNow(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func closeLater(t *testing.T, c io.Closer) {
	t.Helper()
	t.Cleanup(func() { closeNow(t, c) })
}

func openChild(t *testing.T, c *child) *FD {
	t.Helper()
	fd, err := Open(c.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, fd)
	return fd
}

// reapedChild is what is left of a child with this status.
func reapedChild(t *testing.T, status int) *FD {
	t.Helper()
	c := hold(t, status)
	fd := openChild(t, c)
	c.end()
	c.reap()
	return fd
}

// blocking opens the child the way others do, without O_NONBLOCK.
func blocking(t *testing.T, pid int) *os.File {
	t.Helper()
	n, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(n), "blocking")
}

// since disputes a minimum that the docs claim: on a kernel that should have
// the call it lets the test go on and judge err, on an older one err must say
// so. Enterprise kernels carry newer parts under an old number.
func since(t *testing.T, version string, err error) bool {
	t.Helper()
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	if testproc.KernelAtLeast(major, minor) {
		if errors.Is(err, errors.ErrUnsupported) {
			t.Fatalf("%s lacks what the docs claim since %s: %v", release, version, err)
		}
		return true
	}
	if err == nil && strings.Contains(release, ".el") {
		return true
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("%s is older than %s, want ErrUnsupported, have %v", release, version, err)
	}
	if !strings.Contains(err.Error(), "Linux "+version) {
		t.Errorf("%q does not name Linux %s", err, version)
	}
	return false
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantErr(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("have error %v, want %v", err, target)
		}
	}
}

func notErr(t *testing.T, err, target error) {
	t.Helper()
	if errors.Is(err, target) {
		t.Errorf("error %v should not be %v", err, target)
	}
}

// procFD is the path to one of our own descriptors.
func procFD(t *testing.T, f *os.File) string {
	t.Helper()
	conn := must[syscall.RawConn](t)(f.SyscallConn())
	var path string
	if err := conn.Control(func(n uintptr) {
		path = filepath.Join("/proc/self/fd", strconv.Itoa(int(n)))
	}); err != nil {
		t.Fatal(err)
	}
	return path
}

// cloneArgs is struct clone_args in its third size.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal uint64
	stack, stackSize, tls                         uint64
	setTID, setTIDSize                            uint64
	cgroup                                        uint64
}

// forkWith forks a child that waits for its death, with no exit signal. The
// child is a copy of one thread of this process and may do nothing but make
// system calls.
//
//go:norace
func forkWith(flags CloneFlags) (pidfd int32, errno syscall.Errno) {
	args := cloneArgs{flags: uint64(flags), pidfd: uint64(uintptr(unsafe.Pointer(&pidfd)))}
	pid, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	if errno == 0 && pid == 0 {
		for {
			syscall.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0) //nolint:errcheck // sleeps until it is killed
		}
	}
	return pidfd, errno
}

// cloneForked is the pidfd of a child that was cloned with these flags.
func cloneForked(t *testing.T, flags CloneFlags) *os.File {
	t.Helper()
	n, errno := forkWith(flags)
	if errno == syscall.ENOSYS || errno == syscall.EPERM {
		t.Skipf("needs clone3, which a seccomp filter forbids: %v", errno)
	}
	if errno != 0 {
		t.Fatal(errno)
	}
	return os.NewFile(uintptr(n), "clone3")
}
