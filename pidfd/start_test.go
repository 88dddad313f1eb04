//go:build linux && (amd64 || arm64)

package pidfd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/testproc"
)

const bond = handleFlags | CloneNNP

// young are the flags of Linux 7.1.
const young = CloneAutoreap | CloneNNP | ClonePIDFDAutokill

// shell runs a script with the given output.
func shell(script string, stdout *os.File) *Program {
	return &Program{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Files: []*os.File{nil, stdout, os.Stderr}}
}

// started starts a program, which ends with the test.
func started(t *testing.T, p *Program) (*FD, int) {
	t.Helper()
	fd, pid, err := Start(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fd.Signal(syscall.SIGKILL, ToReferent); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
		over(t, fd)
		closeNow(t, fd)
	})
	return fd, pid
}

// over waits for the end and leaves no zombie. A cleanup calls it too, so the
// test's context is done.
func over(t *testing.T, fd *FD) (Exit, bool) {
	t.Helper()
	if err := fd.Wait(context.Background()); errors.Is(err, os.ErrClosed) {
		return Exit{}, false
	}
	exit, ended, err := fd.Reap()
	if err != nil && !errors.Is(err, syscall.ECHILD) {
		t.Error(err)
	}
	return exit, ended
}

// cat starts a program that runs until its input ends, and returns when it
// does run: Start returns before the exec is over, and before time namespaces
// change in it (begin_new_exec in fs/exec.c).
func cat(t *testing.T, p Program) (fd *FD, pid int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, r)
	closeLater(t, w)
	life := testproc.NewLifeline(t)
	p.Path, p.Args, p.Files = "/bin/cat", []string{"cat"}, []*os.File{r, life.End()}
	fd, pid = started(t, &p)
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := life.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return fd, pid
}

// noChildren checks that no child is left, not even a zombie.
func noChildren(t *testing.T) {
	t.Helper()
	if pid, err := unix.Wait4(-1, nil, unix.WALL|unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

// status reads a line of /proc/PID/status.
func status(t *testing.T, pid int, field string) string {
	t.Helper()
	text := must[[]byte](t)(os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)))
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("process %d has no %s", pid, field)
	return ""
}

func TestStart(t *testing.T) {
	life := testproc.NewLifeline(t)
	dir := t.TempDir()
	p := shell(`echo "$0|$1|$HAIL|$PWD|$$"; exit 7`, life.End())
	p.Args = append(p.Args, "zero", "one")
	p.Env = []string{"HAIL=hi"}
	p.Dir = dir
	fd, pid := started(t, p)
	if fcntl(t, fd, unix.F_GETFD)&unix.FD_CLOEXEC == 0 || fcntl(t, fd, unix.F_GETFL)&unix.O_NONBLOCK == 0 {
		t.Error("the descriptor is not close-on-exec and non-blocking")
	}
	if autokill, err := fd.Autokill(); autokill || err != nil {
		t.Errorf("autokill: %v, %v", autokill, err)
	}
	want := fmt.Sprintf("zero|one|hi|%s|%d\n", dir, pid)
	if have := string(life.AllGone(t)); have != want {
		t.Errorf("have %q, want %q", have, want)
	}
	exit, ended := over(t, fd)
	if !ended || exit.Status.ExitStatus() != 7 {
		t.Errorf("ended %v, status %#x", ended, exit.Status)
	}
	noChildren(t)
}

func TestStartEnvironment(t *testing.T) {
	t.Setenv("HAIL", "inherited")
	for _, test := range []struct {
		env  []string
		want string
	}{{nil, "inherited\n"}, {[]string{}, "\n"}} {
		life := testproc.NewLifeline(t)
		p := shell("echo $HAIL", life.End())
		p.Env = test.env
		started(t, p)
		if have := string(life.AllGone(t)); have != test.want {
			t.Errorf("environment %v: have %q, want %q", test.env, have, test.want)
		}
	}
}

func TestStartInheritsNothingElse(t *testing.T) {
	leak := must[int](t)(unix.Dup(1)) // without close-on-exec
	defer closeFD(leak)
	_, pid := cat(t, Program{})
	entries := must[[]os.DirEntry](t)(os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)))
	if len(entries) != 2 || entries[0].Name() != "0" || entries[1].Name() != "1" {
		t.Errorf("descriptors %v, want just 0 and 1", entries)
	}
}

func TestStartLimit(t *testing.T) {
	const script = "ulimit -n"
	want := must[[]byte](t)(exec.Command("/bin/sh", "-c", script).Output())
	life := testproc.NewLifeline(t)
	started(t, shell(script, life.End()))
	if have := life.AllGone(t); !bytes.Equal(have, want) {
		t.Errorf("RLIMIT_NOFILE %q, and %q of a child of os/exec", have, want)
	}
}

// TestStartLattice starts a program with every combination of the flags that
// need no privilege. The verdict is that of TestCloneCheckLattice.
func TestStartLattice(t *testing.T) {
	admin := must[bool](t)(sysAdmin())
	count := map[string]int{}
	subsets([]CloneFlags{
		ClonePIDFD, CloneAutoreap, CloneNNP, ClonePIDFDAutokill, CloneClearSighand, CloneFS,
		CloneSysvsem, CloneUntraced, CloneIO,
	}, func(f CloneFlags) {
		for _, sig := range []syscall.Signal{0, syscall.SIGUSR1} {
			fd, pid, err := Start(&Program{Path: "/bin/true", Args: []string{"true"}, Flags: f, ExitSignal: sig})
			want := verdict(f, sig, admin)
			switch {
			case want != nil:
				wantErr(t, err, want)
				notErr(t, err, errors.ErrUnsupported)
				count[want.Error()]++
			case f&young != 0 && !testproc.KernelAtLeast(7, 1):
				wantErr(t, err, errors.ErrUnsupported)
				if text := err.Error(); !strings.Contains(text, (f&young).String()+" needs Linux 7.1") {
					t.Errorf("%q does not say that %v needs Linux 7.1", text, f&young)
				}
				count["unsupported"]++
			case err != nil:
				t.Fatalf("%v, exit signal %d: %v", f, sig, err)
			default:
				count["started"]++
				if autokill, err := fd.Autokill(); err != nil || autokill != (f&ClonePIDFDAutokill != 0) {
					t.Errorf("%v: autokill %v, %v", f, autokill, err)
				}
				exit, reaped := over(t, fd)
				if reaped == (f&CloneAutoreap != 0) || exit.Status != 0 {
					t.Errorf("%v: reaped %v, status %#x", f, reaped, exit.Status)
				}
				if f&CloneAutoreap != 0 {
					if err := fd.WaitReaped(t.Context()); err != nil {
						t.Errorf("%v: pid %d: %v", f, pid, err)
					}
				}
				closeNow(t, fd)
			}
			if t.Failed() {
				t.FailNow()
			}
		}
	})
	noChildren(t)
	t.Log(count)
}

// TestStartRefuses: R1 and R2 of the contract, our own rules, and EINVAL before
// EPERM, which a caller without privileges would get for autokill without NNP.
func TestStartRefuses(t *testing.T) {
	dir := must[*os.File](t)(os.Open(t.TempDir()))
	closeLater(t, dir)
	for _, test := range []struct {
		name  string
		p     Program
		cause string
	}{
		{"bond without handle", Program{Flags: bond &^ ClonePIDFD}, "needs CLONE_PIDFD"},
		{"bond without autoreap", Program{Flags: bond &^ CloneAutoreap}, "needs CLONE_AUTOREAP"},
		{"bond of a thread", Program{Flags: handleFlags | CloneThread}, "CLONE_THREAD"},
		{"bond of a sibling", Program{Flags: handleFlags | CloneParent}, "cannot reap itself"},
		{"bond with exit signal", Program{Flags: handleFlags, ExitSignal: syscall.SIGCHLD}, "no exit signal"},
		{"shared table", Program{Flags: handleFlags | CloneFiles}, "holds its own handle"},
		{"shared memory", Program{Flags: handleFlags | CloneVM}, "cannot be started with CLONE_VM"},
		{"handlers", Program{Flags: CloneSighand}, "CLONE_SIGHAND"},
		{"vfork", Program{Flags: CloneVfork}, "CLONE_VFORK"},
		{"tls", Program{Flags: CloneSetTLS}, "CLONE_SETTLS"},
		{"parent tid", Program{Flags: CloneParentSetTID}, "CLONE_PARENT_SETTID"},
		{"child tid", Program{Flags: CloneChildSetTID | CloneChildClearTID}, "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID"},
		{"shared directory", Program{Flags: CloneFS, Dir: "/"}, "Dir"},
		{"nowhere", Program{Flags: handleFlags | CloneEmptyMntNS}, "no program in an empty mount namespace"},
		{"cgroup without flag", Program{Flags: handleFlags, Cgroup: dir}, "CLONE_INTO_CGROUP"},
		{"flag without cgroup", Program{Flags: handleFlags | CloneIntoCgroup}, "no Cgroup"},
		{"unknown", Program{Flags: 1 << 63}, "unknown"},
		{"no such signal", Program{ExitSignal: 65}, "exit signal 65"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.p.Path, test.p.Args = "/bin/true", []string{"true"}
			for _, admin := range []bool{false, true} {
				err := test.p.check(admin)
				wantErr(t, err, syscall.EINVAL)
				notErr(t, err, syscall.EPERM)
			}
			_, _, err := Start(&test.p)
			wantErr(t, err, syscall.EINVAL)
			notErr(t, err, errors.ErrUnsupported)
			if err != nil && !strings.Contains(err.Error(), test.cause) {
				t.Errorf("%q does not name the cause, %q", err, test.cause)
			}
			noChildren(t)
		})
	}
}

func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	closed := must[*os.File](t)(os.Open(dir))
	closeNow(t, closed)
	noCgroup := must[*os.File](t)(os.Open(dir))
	closeLater(t, noCgroup)
	argv := []string{"x"}
	all := CloneFlags(0)
	if testproc.KernelAtLeast(7, 1) {
		all = bond
	}
	for _, test := range []struct {
		name string
		p    Program
		text string
		want error
	}{
		{"missing", Program{Path: "/no/such/file", Args: argv}, "execve /no/such/file: ", syscall.ENOENT},
		{"empty path", Program{Args: argv}, "execve: ", syscall.ENOENT},
		{"directory", Program{Path: "/", Args: argv}, "execve /: ", syscall.EACCES},
		{"no interpreter", Program{Path: write("a", "#!/no/such/interpreter\n"), Args: argv}, "execve ", syscall.ENOENT},
		{"no format", Program{Path: write("b", "nothing"), Args: argv}, "execve ", syscall.ENOEXEC},
		{"directory is gone", Program{Path: "/bin/true", Args: argv, Dir: "/no/such/dir"}, "chdir /no/such/dir: ", syscall.ENOENT},
		{"no argv", Program{Path: "/bin/true"}, "execve /bin/true: argv is empty", syscall.EINVAL},
		{"NUL", Program{Path: "/bin/true", Args: []string{"a\x00"}}, "execve: argument with a NUL", syscall.EINVAL},
		{"closed file", Program{Path: "/bin/true", Args: argv, Files: []*os.File{closed}}, dir, os.ErrClosed},
		{"closed cgroup", Program{Path: "/bin/true", Args: argv, Flags: CloneIntoCgroup, Cgroup: closed}, dir, os.ErrClosed},
		{"no cgroup", Program{Path: "/bin/true", Args: argv, Flags: CloneIntoCgroup, Cgroup: noCgroup}, "clone3: ", syscall.EBADF},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, flags := range []CloneFlags{0, all} {
				p := test.p
				p.Flags |= flags
				before := testproc.Descriptors()
				_, _, err := Start(&p)
				wantErr(t, err, test.want)
				if err != nil && !strings.HasPrefix(err.Error(), test.text) {
					t.Errorf("have %q, want it to begin with %q", err, test.text)
				}
				if after := testproc.Descriptors(); after != before {
					t.Errorf("%d descriptors before, %d after", before, after)
				}
				noChildren(t)
			}
		})
	}
}

// alone runs a test again in a program of its own, and says whether this is that. The SIGCHLD of a child of
// another test can be on its way there to a thread that gets no processor.
func alone(t *testing.T) bool {
	t.Helper()
	const key = "PIDFD_TEST_ALONE"
	if os.Getenv(key) != "" {
		return true
	}
	cmd := exec.Command(testproc.Exe, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), key+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// TestStartExitSignal: the one of the clone is seen when the start fails, and
// only SIGCHLD when it does not.
func TestStartExitSignal(t *testing.T) {
	if !alone(t) {
		return
	}
	seen := make(chan os.Signal, 16)
	signal.Notify(seen, syscall.SIGUSR1, syscall.SIGCHLD)
	defer signal.Stop(seen)
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGCHLD, 0} {
		_, _, err := Start(&Program{Path: "/no/such/file", Args: []string{"x"}, ExitSignal: sig})
		wantErr(t, err, fs.ErrNotExist)
		if sig != 0 {
			if have := <-seen; have != sig {
				t.Errorf("exit signal %v: have %v from a start that failed", sig, have)
			}
		}
		fd, _ := started(t, &Program{Path: "/bin/true", Args: []string{"true"}, ExitSignal: sig})
		if have := <-seen; have != syscall.SIGCHLD {
			t.Errorf("exit signal %v: have %v, want SIGCHLD after the exec", sig, have)
		}
		if _, ended := over(t, fd); !ended {
			t.Errorf("exit signal %v: not to be reaped", sig)
		}
	}
	if len(seen) != 0 {
		t.Errorf("one signal more: %v", <-seen)
	}
}

// namespaces are those that a clone makes, with their names in /proc/PID/ns.
var namespaces = map[CloneFlags]string{
	CloneNewTime: "time", CloneNewNS: "mnt", CloneNewCgroup: "cgroup", CloneNewUTS: "uts",
	CloneNewIPC: "ipc", CloneNewUser: "user", CloneNewPID: "pid", CloneNewNet: "net",
}

// TestStartNamespaces looks at every combination of namespaces: what was asked
// for is new, and nothing else.
func TestStartNamespaces(t *testing.T) {
	var kinds []CloneFlags
	for flag, name := range namespaces {
		if _, err := os.Stat("/proc/self/ns/" + name); err != nil {
			t.Logf("needs a kernel that was built with %v: %v", flag, err)
			continue
		}
		kinds = append(kinds, flag)
	}
	admin := must[bool](t)(sysAdmin())
	users := true
	fd, _, err := Start(&Program{Path: "/bin/true", Args: []string{"true"}, Flags: CloneNewUser})
	if err != nil {
		users = false
		t.Logf("needs user namespaces, which are not allowed here: %v", err)
	} else {
		over(t, fd)
		closeNow(t, fd)
	}
	count := 0
	subsets(kinds, func(f CloneFlags) {
		if f&CloneNewUser != 0 && !users {
			return
		}
		if f != 0 && f&CloneNewUser == 0 && !admin {
			_, _, err := Start(&Program{Path: "/bin/true", Args: []string{"true"}, Flags: f})
			wantErr(t, err, syscall.EPERM)
			notErr(t, err, errors.ErrUnsupported)
			return
		}
		count++
		fd, pid := cat(t, Program{Flags: f})
		for _, kind := range kinds {
			path := "/ns/" + namespaces[kind]
			mine := must[string](t)(os.Readlink("/proc/self" + path))
			theirs := must[string](t)(os.Readlink("/proc/" + strconv.Itoa(pid) + path))
			if isNew := mine != theirs; isNew != (f&kind != 0) {
				t.Errorf("%v: %s is new: %v", f, namespaces[kind], isNew)
			}
		}
		if err := fd.Signal(syscall.SIGKILL, ToReferent); err != nil {
			t.Error(err)
		}
		over(t, fd)
	})
	t.Logf("started with %d combinations", count)
}

func TestStartIntoCgroup(t *testing.T) {
	root := ""
	mounts := must[[]byte](t)(os.ReadFile("/proc/self/mounts"))
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); fields[2] == "cgroup2" {
			root = fields[1]
		}
	}
	if root == "" {
		t.Skip("needs a cgroup file system, version 2")
	}
	name := fmt.Sprintf("pidfd-test-%d", os.Getpid())
	path := filepath.Join(root, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Skipf("needs a cgroup that it may write to: %v", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	})
	dir := must[*os.File](t)(os.Open(path))
	closeLater(t, dir)
	fd, pid := cat(t, Program{Flags: CloneIntoCgroup, Cgroup: dir})
	text := string(must[[]byte](t)(os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))))
	if !strings.Contains(text, "0::/"+name+"\n") {
		t.Errorf("cgroups %q, want %s", text, name)
	}
	if err := fd.Signal(syscall.SIGKILL, ToReferent); err != nil {
		t.Error(err)
	}
	over(t, fd)
}

func TestStartSharesDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	life := testproc.NewLifeline(t)
	started(t, &Program{
		Path: "/bin/sh", Args: []string{"sh", "-c", "cd /"},
		Files: []*os.File{nil, life.End()}, Flags: CloneFS,
	})
	life.AllGone(t)
	if have := must[string](t)(os.Readlink("/proc/self/cwd")); have != "/" {
		t.Errorf("the working directory is %s, want the child's", have)
	}
}

// try starts a program with flags and says what came of it.
func try(args []string) int {
	flags, err := strconv.ParseUint(args[0], 0, 64)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	p := &Program{Path: "/bin/true", Args: []string{"true"}, Flags: CloneFlags(flags)}
	if p.Flags&CloneIntoCgroup != 0 {
		p.Cgroup = os.Stdin
	}
	fd, pid, err := Start(p)
	fmt.Printf("pid %d, unsupported %v, %v\n", pid, errors.Is(err, errors.ErrUnsupported), err)
	if err == nil && p.Flags&CloneParent == 0 {
		if err := fd.Wait(context.Background()); err != nil {
			fmt.Println(err)
		}
		if _, _, err := fd.Reap(); err != nil {
			fmt.Println(err)
		}
	}
	return 0
}

// TestStartSibling: with CLONE_PARENT the child of a child of ours is ours.
func TestStartSibling(t *testing.T) {
	out := must[[]byte](t)(testproc.Command("try", fmt.Sprint(uint64(CloneParent))).Output())
	var pid int
	if _, err := fmt.Sscanf(string(out), "pid %d, unsupported false, <nil>\n", &pid); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	fd := must[*FD](t)(Open(pid, 0))
	closeLater(t, fd)
	if _, ended := over(t, fd); !ended {
		t.Error("not ours to reap")
	}
}

func TestStartDenied(t *testing.T) {
	for _, errno := range []string{"ENOSYS", "EPERM"} {
		if why := testproc.Uninhabitable("clone3=" + errno); why != "" {
			t.Skip(why)
		}
		for flags, want := range map[CloneFlags]string{
			ClonePIDFD | CloneClearSighand | CloneIO: "unsupported false, <nil>\n",
			CloneNewTime:                             "a seccomp filter denies clone3",
			CloneIntoCgroup:                          "a seccomp filter denies clone3",
			bond:                                     "a seccomp filter denies clone3",
		} {
			cmd := testproc.Command("try", fmt.Sprint(uint64(flags)))
			cmd.Env = testproc.Denying(cmd.Env, "clone3="+errno)
			out := string(must[[]byte](t)(cmd.Output()))
			if !strings.Contains(out, want) {
				t.Errorf("%s, %v: have %q, want %q", errno, flags, out, want)
			}
			if !strings.Contains(want, "nil") && !strings.Contains(out, "unsupported true") {
				t.Errorf("%s, %v: not ErrUnsupported: %q", errno, flags, out)
			}
		}
	}
}

// bound starts a program that is bound to its FD and holds the lifeline.
func bound(t *testing.T, life *testproc.Lifeline, flags CloneFlags) (*FD, int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, r)
	closeLater(t, w)
	fd, pid, err := Start(&Program{
		Path: "/bin/cat", Args: []string{"cat"}, Files: []*os.File{r, life.End()}, Flags: flags,
	})
	if !testproc.KernelAtLeast(7, 1) {
		wantErr(t, err, errors.ErrUnsupported)
		if err != nil && !strings.Contains(err.Error(), "CLONE_PIDFD_AUTOKILL needs Linux 7.1") {
			t.Errorf("%q does not say what lacks", err)
		}
		t.Skip("needs Linux 7.1: CLONE_PIDFD_AUTOKILL")
	}
	if err != nil {
		t.Fatal(err)
	}
	life.Cut()
	return fd, pid
}

func TestStartAutokill(t *testing.T) {
	life := testproc.NewLifeline(t)
	fd, pid := bound(t, life, bond)
	if autokill, err := fd.Autokill(); !autokill || err != nil {
		t.Errorf("autokill: %v, %v", autokill, err)
	}
	if fcntl(t, fd, unix.F_GETFL)&unix.O_NONBLOCK == 0 || fcntl(t, fd, unix.F_GETFD)&unix.FD_CLOEXEC == 0 {
		t.Error("the descriptor is not close-on-exec and non-blocking")
	}
	if have := status(t, pid, "NoNewPrivs"); have != "1" {
		t.Errorf("NoNewPrivs %s of the child", have)
	}
	observer := must[*FD](t)(Open(pid, 0))
	closeLater(t, observer)
	if err := fd.Close(); err != nil {
		t.Error(err)
	}
	life.AllGone(t)
	if err := observer.WaitReaped(t.Context()); err != nil { // nobody reaps it but itself
		t.Error(err)
	}
	noChildren(t)
	info := must[Info](t)(observer.Info(InfoExit))
	if exit, ok := info.Exit(); !ok || exit.Signal() != syscall.SIGKILL {
		t.Errorf("exit %v, %v: want SIGKILL", exit, ok)
	}
}

// TestStartAutokillGarbage loses the FD.
func TestStartAutokillGarbage(t *testing.T) {
	life := testproc.NewLifeline(t)
	bound(t, life, bond)
	gone := make(chan struct{})
	go func() {
		life.AllGone(t)
		close(gone)
	}()
	for {
		select {
		case <-gone:
			return
		default:
			runtime.GC()
		}
	}
}

func TestStartAutokillPrivileged(t *testing.T) {
	life := testproc.NewLifeline(t)
	if !must[bool](t)(sysAdmin()) {
		for _, more := range []CloneFlags{0, CloneNewUser} {
			_, _, err := Start(&Program{Path: "/bin/true", Args: []string{"true"}, Flags: handleFlags | more})
			wantErr(t, err, syscall.EPERM)
			notErr(t, err, errors.ErrUnsupported)
		}
		return
	}
	fd, pid := bound(t, life, handleFlags)
	mine := status(t, os.Getpid(), "NoNewPrivs")
	if have := status(t, pid, "NoNewPrivs"); have != mine {
		t.Errorf("NoNewPrivs %s of the child, %s of ours", have, mine)
	}
	closeNow(t, fd)
	life.AllGone(t)
}

// TestStartWithoutBit: a child whose descriptor does not kill, although that was
// asked for, is refused and gone.
func TestStartWithoutBit(t *testing.T) {
	life := testproc.NewLifeline(t)
	before := testproc.Descriptors()
	request := clone.Request{Path: "/bin/sleep", Argv: []string{"sleep", "1000"}, Files: []int{-1, int(life.End().Fd())}}
	child := must[clone.Child](t)(request.Start())
	_, err := own(child.Pidfd, bond)
	wantErr(t, err, errors.ErrUnsupported)
	if after := testproc.Descriptors(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	noChildren(t)
	life.AllGone(t)
}
