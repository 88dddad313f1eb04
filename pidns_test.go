//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// pidnsRole starts a command in a PID namespace from somewhere where that cannot be
// done, and prints why.
const pidnsRole = "start in a PID namespace"

// places are where it cannot be done. What they change is this process' own.
var places = map[string]func() error{
	"here": func() error { return nil },

	// In a user namespace of its own.
	"without user namespaces": func() error {
		if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
			return err
		}
		runtime.LockOSThread()
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0); err != nil {
			return err
		}
		return again()
	},
	"in a chroot": func() error { return unix.Chroot(os.Getenv("ROOT")) },
	"in a chroot, as an ordinary user": func() error {
		return errors.Join(unix.Chroot(os.Getenv("ROOT")), syscall.Setgid(65534), syscall.Setuid(65534))
	},
	// In a mount namespace of its own.
	"where /proc is masked": func() error {
		if err := unix.Mount("none", "/proc/sys", "tmpfs", 0, ""); err != nil {
			return err
		}
		if err := errors.Join(syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			return err
		}
		return again() // which makes us dumpable again
	},
	// In a PID namespace of its own.
	"where no memfd may be executed": func() error {
		return errors.Join(
			unix.Mount("proc", "/proc", "proc", 0, ""),
			os.WriteFile("/proc/sys/vm/memfd_noexec", []byte("2"), 0),
		)
	},
	"undumpable": func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) },
	"with ids of two users": func() error {
		return errors.Join(syscall.Setresgid(65534, 0, 0), syscall.Setresuid(65534, 0, 0))
	},
}

// again makes this process what it is, here.
func again() error {
	return unix.Exec(testproc.Exe, []string{"pidns", "here", "tripwire"}, testproc.RoleEnv(pidnsRole))
}

func startInPIDNamespace(args []string) int {
	if err := places[args[0]](); err != nil {
		fmt.Println("cannot go there:", err)
		return 1
	}
	var err error
	var open [2]int
	for i := range open {
		c := &autokill.Cmd{Path: "/bin/true", Scope: autokill.ScopePIDNamespace}
		c.Mechanism, _ = autokill.ParseMechanism(args[1])
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stdout // there may be no /dev/null
		if err = c.Start(); err == nil {
			fmt.Println("it was started")
			return 1
		}
		open[i] = testproc.Descriptors()
	}
	fmt.Println(err)
	switch {
	case !errors.Is(err, errors.ErrUnsupported):
		fmt.Println("that is not errors.ErrUnsupported")
		return 1
	case open[0] != open[1]:
		fmt.Println("and a descriptor was left open")
		return 1
	}
	return 0
}

// TestPIDNamespaceRefused: where there can be no PID namespace, the error says why.
func TestPIDNamespaceRefused(t *testing.T) {
	if testproc.Denied() != "" {
		t.Skip("this run is denied something already")
	}
	root := os.Geteuid() == 0
	newUser := &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	for _, tt := range []struct {
		place string
		deny  string
		sys   *syscall.SysProcAttr
		root  bool
		says  string
	}{
		{"without user namespaces", "", newUser, false, "user.max_user_namespaces is 0"},
		{"in a chroot", "", nil, true, "as in a chroot"},
		{"in a chroot, as an ordinary user", "", nil, true, "in a chroot"},
		{"where /proc is masked", "", &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}, true, "a new /proc would show what other mounts hide"},
		{"where no memfd may be executed", "", &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}, true, "vm.memfd_noexec is 2"},
		{"with ids of two users", "", nil, true, "real and effective ids"},
		{"here", "memfd_create=ENOSYS", nil, false, "a seccomp filter denies it"},
		{"here", "mount=EPERM", nil, false, "mount"},
		{"here", "clone3=ENOSYS,mount=EPERM", nil, false, "mount"},
	} {
		name := tt.place
		if tt.deny != "" {
			name = tt.deny
		}
		t.Run(name, func(t *testing.T) {
			if tt.root && !root {
				t.Skip("needs root")
			}
			if strings.Contains(tt.says, "memfd_noexec") && !testproc.KernelAtLeast(6, 6) {
				t.Skip("vm.memfd_noexec belongs to a PID namespace since Linux 6.6")
			}
			cmd := testproc.Command(pidnsRole, tt.place, "tripwire")
			cmd.Env = append(cmd.Env, "ROOT="+t.TempDir())
			if tt.deny != "" {
				cmd.Env = testproc.Denying(cmd.Env, tt.deny)
			}
			cmd.SysProcAttr = tt.sys
			out, err := cmd.Output()
			if err != nil || !strings.Contains(string(out), tt.says) {
				t.Errorf("%v: got %q, want that it says %q", err, out, tt.says)
			}
			t.Logf("%s", out)
		})
	}
	t.Run("undumpable", func(t *testing.T) {
		if root {
			t.Skip("needs an ordinary user")
		}
		out, err := testproc.Command(pidnsRole, "undumpable", "tripwire").Output()
		if err != nil || !strings.Contains(string(out), "not dumpable") {
			t.Errorf("%v: %q", err, out)
		}
	})
	t.Run("in a tree", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for _, mechanism := range []string{"best", "native", "tripwire"} {
			c := autokill.Command(testproc.Exe, "here", mechanism)
			c.Env, c.Scope = testproc.RoleEnv(pidnsRole), autokill.ScopeTree
			c.Stdout = w
			if err := c.Run(); err != nil {
				t.Errorf("%s: %v", mechanism, err)
			}
		}
		w.Close()
		out, err := io.ReadAll(r)
		if err != nil || strings.Count(string(out), "in a sealed tree") != 3 {
			t.Errorf("%v: %q", err, out)
		}
	})
}

// TestPIDNamespaceIdentity: the user is who they were, with the capabilities that they
// had.
func TestPIDNamespaceIdentity(t *testing.T) {
	const script = `id -u; id -g; grep -E '^(Cap(Inh|Prm|Eff|Amb)|Uid|Gid)' /proc/self/status`
	want, err := exec.Command("/bin/sh", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	c := autokill.Command("/bin/sh", "-c", script)
	c.Scope = autokill.ScopePIDNamespace
	got, err := c.Output()
	if err != nil || string(got) != string(want) {
		t.Errorf("%v: got\n%swant\n%s", err, got, want)
	}
}

// TestPIDNamespaceStopWithoutRoom: where the init has no room for a signal for everybody, the
// command is asked alone, and who does not listen is killed when the context is done.
func TestPIDNamespaceStopWithoutRoom(t *testing.T) {
	for script, want := range map[string]string{
		"trap 'exit 7' TERM; echo ready; while :; do sleep 1000 & wait; done": "exit status 7",
		"trap '' TERM; echo ready; while :; do sleep 1000 & wait; done":       "signal: killed",
	} {
		c := autokill.Command("/bin/sh", "-c", script)
		c.Scope = autokill.ScopePIDNamespace
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		stat, err := testproc.ReadProcess(c.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Prlimit(stat.PPID, unix.RLIMIT_SIGPENDING, &unix.Rlimit{}, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Process.SignalAll(syscall.SIGUSR1); !errors.Is(err, syscall.EAGAIN) {
			t.Errorf("SignalAll: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), testproc.Patience)
		if want == "signal: killed" {
			cancel()
		}
		state, err := c.Process.StopAll(ctx, syscall.SIGTERM)
		cancel()
		if err != nil || state.String() != want {
			t.Errorf("%v, %v, want %s", state, err, want)
		}
		_ = c.Wait() // for its pipe
	}
}

// TestPIDNamespaceContinue: SIGCONT for everybody is for the init, too, if that is stopped.
func TestPIDNamespaceContinue(t *testing.T) {
	c := autokill.Command("/bin/sleep", "1000")
	c.Scope = autokill.ScopePIDNamespace
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait() //nolint:errcheck // it is killed
	defer c.Process.Close()
	stat, err := testproc.ReadProcess(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	both := []int{stat.PPID, c.Process.Pid}
	become := func(stopped bool) {
		t.Helper()
		otherwise := func(pid int) bool {
			stat, err := testproc.ReadProcess(pid)
			return err != nil || (stat.State == "T") != stopped
		}
		if !testproc.Soon(func() bool { return !slices.ContainsFunc(both, otherwise) }) {
			t.Fatalf("stopped: not %t", stopped)
		}
	}
	for _, pid := range both {
		if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	become(true)
	if err := c.Process.SignalAll(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	become(false)
}

// TestPIDNamespaceUsage: the usage is real with every mechanism.
func TestPIDNamespaceUsage(t *testing.T) {
	c := autokill.Command("/bin/sh", "-c", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done")
	c.Scope = autokill.ScopePIDNamespace
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	usage := c.ProcessState.SysUsage().(*syscall.Rusage)
	if usage.Maxrss == 0 || c.ProcessState.UserTime()+c.ProcessState.SystemTime() == 0 {
		t.Errorf("%+v", usage)
	}
}

// TestPIDNamespaceChroot: the command's own /proc is where it sees it, and not having a
// place for it is an error.
func TestPIDNamespaceChroot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	start := func() *autokill.Cmd {
		c := autokill.Command("/bin/true")
		c.Scope = autokill.ScopePIDNamespace
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: dir}
		return c
	}
	if err := start().Start(); !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), dir+"/proc") {
		t.Errorf("without a directory for /proc: %v", err)
	}
	if err := os.Mkdir(dir+"/proc", 0o755); err != nil {
		t.Fatal(err)
	}
	// There is no program, so this fails later.
	if err := start().Start(); !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), "execve") {
		t.Errorf("with one: %v", err)
	}
	if names, err := os.ReadDir(dir + "/proc"); err != nil || len(names) > 0 {
		t.Errorf("the mount shows outside: %d names, %v", len(names), err)
	}
}

// TestPIDNamespaceReapsForUs: a holder that is an init or a subreaper gets the init of a
// monitor that was killed, and no zombie stays.
func TestPIDNamespaceReapsForUs(t *testing.T) {
	// The tests are a subreaper.
	for range 20 {
		c := autokill.Command("/bin/sleep", "1000")
		c.Scope, c.Mechanism = autokill.ScopePIDNamespace, autokill.Tripwire
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		before := len(testproc.Children(os.Getpid()))
		if err := c.Process.Close(); err != nil {
			t.Fatal(err)
		}
		<-c.Process.Done()
		if after := testproc.Children(os.Getpid()); len(after) != before-1 {
			t.Fatalf("%d children before, then %v", before, after)
		}
	}
}

// fewRole starts commands while it may open ever more descriptors.
const fewRole = "few descriptors"

func startWithFew([]string) int {
	fail := func(err error) int {
		fmt.Println(err)
		return 1
	}
	start := func() (*autokill.Cmd, error) {
		c := autokill.Command("/bin/sleep", "1000")
		c.Scope, c.Mechanism = autokill.ScopePIDNamespace, autokill.Tripwire
		return c, c.Start()
	}
	end := func(c *autokill.Cmd) {
		_ = c.Process.Close()
		<-c.Process.Done()
	}
	c, err := start() // what is opened once is open now
	if err != nil {
		return fail(err)
	}
	end(c)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		return fail(err)
	}
	before := testproc.OpenDescriptors()
	limit, started, refused := uint64(0), 0, map[string]int{}
	for free := -1; started < 3; limit++ {
		if before[int(limit)] == "" {
			free++
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit + 1, Max: old.Max}); err != nil {
			return fail(err)
		}
		c, err := start()
		switch {
		case err == nil:
			started++
			end(c)
		case !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ETOOMANYREFS): // others of this user may have some in flight
			return fail(fmt.Errorf("with %d descriptors: %w", free+1, err))
		default:
			refused[err.Error()]++
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			return fail(err)
		}
		if after := testproc.OpenDescriptors(); len(after) != len(before) {
			return fail(fmt.Errorf("with %d descriptors: %v before, %v after", free+1, before, after))
		}
	}
	fmt.Println(len(refused), "different refusals:", refused)
	if len(refused) < 4 {
		return 1
	}
	return 0
}

// TestPIDNamespaceFewDescriptors: wherever a start runs out of descriptors, here or in one
// of its processes, nothing stays.
func TestPIDNamespaceFewDescriptors(t *testing.T) {
	out, err := testproc.Command(fewRole).Output()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}
