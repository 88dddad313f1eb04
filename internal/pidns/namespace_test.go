//go:build linux && (amd64 || arm64)

package pidns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/testproc"
)

// started is a command in a namespace whose outermost process is an ordinary child of
// ours: no bond is at work here.
type started struct {
	namespace *Namespace
	outer     clone.Child
	Members
}

// here are the options that fit who runs the tests.
func here(monitor bool) Options {
	return Options{Monitor: monitor, UserNamespace: os.Geteuid() != 0}
}

// both runs a test with and without a monitor.
func both(t *testing.T, test func(t *testing.T, o Options)) {
	t.Helper()
	for _, monitor := range []bool{false, true} {
		name := "init"
		if monitor {
			name = "monitor and init"
		}
		t.Run(name, func(t *testing.T) { test(t, here(monitor)) })
	}
}

func sh(script string, stdout *os.File) *clone.Request {
	return &clone.Request{
		Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/bin:/usr/bin"},
		Files: []int{-1, int(stdout.Fd()), 2},
	}
}

func start(t *testing.T, r *clone.Request, o Options) *started {
	t.Helper()
	n, err := Prepare(r, o)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := r.Start()
	n.Started()
	if err != nil {
		n.Close()
		t.Fatal(Explain(err, o))
	}
	members, err := n.Members()
	if err != nil {
		t.Fatal(err)
	}
	s := &started{n, outer, members}
	t.Cleanup(func() {
		_ = unix.PidfdSendSignal(outer.Pidfd, unix.SIGKILL, nil, 0)
		s.reap(t)
		for _, fd := range []int{outer.Pidfd, s.Command, s.Init} {
			_ = unix.Close(fd)
		}
		n.Close()
	})
	return s
}

// reap waits for the outermost process and for the init, which goes when all are gone.
// An init that has lost its monitor comes to us: the tests are a subreaper.
func (s *started) reap(t *testing.T) {
	t.Helper()
	for _, fd := range []int{s.outer.Pidfd, s.Init} {
		for {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			if _, err := unix.Poll(fds, -1); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		if err := unix.Waitid(unix.P_PIDFD, fd, nil, unix.WEXITED|unix.WALL, nil); err != nil && !errors.Is(err, unix.ECHILD) {
			t.Fatal(err)
		}
	}
}

// init is the pid of the init.
func (s *started) init(t *testing.T) int {
	t.Helper()
	stat, err := testproc.ReadProcess(s.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return stat.PPID
}

// speaker is a command whose output is read.
func speaker(t *testing.T, script string, o Options, change func(*clone.Request)) (*started, *bufio.Reader) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if err := r.SetReadDeadline(time.Now().Add(testproc.Patience)); err != nil {
		t.Fatal(err)
	}
	request := sh(script, w)
	if change != nil {
		change(request)
	}
	s := start(t, request, o)
	w.Close()
	return s, bufio.NewReader(r)
}

func expect(t *testing.T, lines *bufio.Reader, want string) {
	t.Helper()
	if got, err := lines.ReadString('\n'); got != want+"\n" {
		t.Fatalf("the command said %q (%v), want %q", got, err, want)
	}
}

func rest(t *testing.T, lines *bufio.Reader) string {
	t.Helper()
	b, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestInside: the command is pid 2, its parent is the init, and its /proc has nobody
// else. It is who it would be outside.
func TestInside(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		const script = "echo $$ $PPID; cd /proc && ls -d [0-9]*; id -u; id -g; umask"
		_, lines := speaker(t, script, o, nil)
		want := fmt.Sprintf("2 1\n1\n2\n%d\n%d\n", os.Geteuid(), os.Getegid())
		if got := rest(t, lines); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestPidIsOurs: the command's pid is what we see it by, its pidfd is its own.
func TestPidIsOurs(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s, lines := speaker(t, "echo; kill -STOP $$; echo", o, nil)
		expect(t, lines, "")
		inner, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Pid))
		if err != nil || !strings.Contains(string(inner), fmt.Sprintf("NSpid:\t%d\t2\n", s.Pid)) {
			t.Errorf("process %d is not pid 2 in there: %v\n%s", s.Pid, err, inner)
		}
		if err := unix.PidfdSendSignal(s.Command, unix.SIGKILL, nil, 0); err != nil {
			t.Fatal(err)
		}
		status, _, told := s.namespace.Ending()
		if !told || status.Signal() != syscall.SIGKILL {
			t.Errorf("it ended with %#x, %t", status, told)
		}
	})
}

// TestEnding: the status is the command's, core dumps and all, its usage too, and what
// it has left behind is dead when the outermost process is.
func TestEnding(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		for script, want := range map[string]syscall.WaitStatus{
			"exit 0":                            0,
			"exit 7":                            7 << 8,
			"kill -USR1 $$":                     syscall.WaitStatus(syscall.SIGUSR1),
			"kill -KILL $$":                     syscall.WaitStatus(syscall.SIGKILL),
			"sleep 1000 &":                      0,
			"setsid sleep 1000 & kill -TERM $$": syscall.WaitStatus(syscall.SIGTERM),
		} {
			line := testproc.NewLifeline(t)
			s := start(t, sh(script, line.End()), o)
			status, usage, told := s.namespace.Ending()
			if !told || status != want {
				t.Errorf("%s: %#x, %t, want %#x", script, status, told, want)
			}
			if usage.Maxrss == 0 {
				t.Errorf("%s: no resource usage: %+v", script, usage)
			}
			s.reap(t)
			line.AllGone(t)
		}
	})
}

// TestKilled: whoever of ours is killed, all the others die, and nobody makes up a
// status.
func TestKilled(t *testing.T) {
	const script = "sleep 1000 & setsid sleep 1000 & (setsid sh -c 'trap \"\" TERM; sleep 1000' &) ; echo; wait"
	for _, tt := range []struct {
		name string
		o    Options
		who  func(t *testing.T, s *started) int
	}{
		{"init", here(false), func(_ *testing.T, s *started) int { return s.outer.Pid }},
		{"monitor", here(true), func(_ *testing.T, s *started) int { return s.outer.Pid }},
		{"init behind a monitor", here(true), func(t *testing.T, s *started) int { return s.init(t) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line := testproc.NewLifeline(t)
			s := start(t, sh(script, line.End()), tt.o)
			if _, err := line.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if err := unix.Kill(tt.who(t, s), unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			line.AllGone(t)
			if status, _, told := s.namespace.Ending(); told {
				t.Errorf("a status was told: %#x", status)
			}
			s.reap(t)
		})
	}
}

// TestMonitorEndsFirst: an init whose monitor has ended before it could ask for the
// death signal does not go on.
func TestMonitorEndsFirst(t *testing.T) {
	o := here(true)
	line := testproc.NewLifeline(t)
	r := sh("echo started; exec sleep 1000", line.End())
	n, err := Prepare(r, o)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	monitor, init := r.Ancestors[0], r.Ancestors[1]
	const fork = 2 // its index among the steps of the monitor
	monitor.Steps = append(monitor.Steps[:fork+1:fork+1], clone.Step{Name: "exit", Nr: unix.SYS_EXIT_GROUP})
	wait := init.Steps[2]
	wait.Name, wait.Args[2], wait.Want = "ppoll", clone.Int(0), 1
	init.Steps = append([]clone.Step{wait}, init.Steps...)
	_, err = r.Start()
	n.Started()
	if step, _ := failedStep(err); step != stepAlive {
		t.Errorf("got %v, want that %s fails", err, stepAlive)
	}
	if said := line.AllGone(t); len(said) > 0 {
		t.Errorf("the command ran: %q", said)
	}
	for !errors.Is(err, unix.ECHILD) { // the init is an orphan of ours now
		_, err = unix.Wait4(-1, nil, unix.WALL, nil)
	}
}

// TestKilledAtAnyMoment: the outermost process is killed while the start is under way.
// Whether that then fails or not, nobody stays.
func TestKilledAtAnyMoment(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		failed := map[string]int{}
		rounds := 300
		if testing.Short() {
			rounds = 50
		}
		for range rounds {
			line := testproc.NewLifeline(t)
			r := sh("exec sleep 1000", line.End())
			n, err := Prepare(r, o)
			if err != nil {
				t.Fatal(err)
			}
			pending, err := r.Clone()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(rand.N(1500 * time.Microsecond)) // chance picks the moment
			if err := unix.Kill(pending.Pid(), unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				t.Fatal(err)
			}
			outer, err := pending.Wait()
			n.Started()
			if err == nil {
				_ = unix.Waitid(unix.P_PIDFD, outer.Pidfd, nil, unix.WEXITED|unix.WALL, nil)
				_ = unix.Close(outer.Pidfd)
				failed["not"]++
			} else {
				step, _ := failedStep(err)
				failed[step]++
			}
			line.AllGone(t)
			n.Close()
		}
		for err := error(nil); !errors.Is(err, unix.ECHILD); { // inits that are orphans
			_, err = unix.Wait4(-1, nil, unix.WALL, nil)
		}
		t.Logf("the starts failed at: %v", failed)
	})
}

// TestInitCannotBeKilledFromInside: the kernel keeps signals from inside that it has no
// handler for from an init.
func TestInitCannotBeKilledFromInside(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s := start(t, sh("kill -KILL 1; kill -STOP 1; kill -CHLD 1; exit 7", os.Stderr), o)
		if status, _, told := s.namespace.Ending(); !told || status.ExitStatus() != 7 {
			t.Errorf("the command ended with %#x, %t", status, told)
		}
	})
}

const tracerRole = "tracer"

// trace is a command that wants to get hold of its init from the first moment on.
func trace([]string) int {
	runtime.LockOSThread()
	const seize = 0x4206 // PTRACE_SEIZE
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, seize, 1, 0, 0, 0, 0)
	fmt.Println("ptrace:", errno)
	fd, err := unix.PidfdOpen(1, 0)
	if err == nil {
		_, err = unix.PidfdGetfd(fd, 0, 0)
	}
	fmt.Println("pidfd_getfd:", err)
	_, err = os.OpenFile("/proc/1/mem", os.O_RDWR, 0)
	fmt.Println("mem:", errors.Is(err, os.ErrPermission))
	return 0
}

// TestInitCannotBeTraced: who traces the init could make it forget its death signal.
func TestInitCannotBeTraced(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may trace everybody: this is for an ordinary user to try")
	}
	both(t, func(t *testing.T, o Options) {
		for range 20 {
			_, lines := speaker(t, "", o, func(r *clone.Request) {
				r.Path, r.Argv, r.Env = testproc.Exe, []string{"trace"}, testproc.RoleEnv(tracerRole)
				// As package bond does it.
				own, _ := clone.ReadCapabilities()
				r.Capabilities = &own
				r.NoNewPrivs = true
			})
			const want = "ptrace: operation not permitted\npidfd_getfd: operation not permitted\nmem: true\n"
			if got := rest(t, lines); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	})
}

// TestOrphansAreReaped: whoever loses its parent inside is the init's to reap. The
// orphans say that they are, and then end.
func TestOrphansAreReaped(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		const orphan = "until grep -q '^PPid:\t1$' /proc/$$/status; do :; done; echo orphan; kill -9 $$"
		s, lines := speaker(t, `for i in 1 2 3; do (sh -c "$ORPHAN" &); done; kill -STOP $$`, o, func(r *clone.Request) {
			r.Env = append(r.Env, "ORPHAN="+orphan)
		})
		for range 3 {
			expect(t, lines, "orphan")
		}
		init := s.init(t)
		if !testproc.Soon(func() bool { return len(testproc.Children(init)) <= 1 }) {
			t.Fatalf("the init still has %v", testproc.Children(init))
		}
	})
}

const countRole = "count"

// count is a command that says which signals it gets, how often, until SIGTERM.
func count([]string) int {
	all := make(chan os.Signal, 64)
	signal.Notify(all, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGCHLD)
	fmt.Println("ready")
	for sig := range all {
		fmt.Println(int(sig.(syscall.Signal)))
		if sig == syscall.SIGTERM {
			break
		}
	}
	return 0
}

// TestSignals: what a process sends to the init is for the command, and what is sent
// to the group, which init and monitor have left, reaches the command once.
func TestSignals(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s, lines := speaker(t, "", o, func(r *clone.Request) {
			r.Path, r.Argv, r.Env = testproc.Exe, []string{"count"}, testproc.RoleEnv(countRole)
			r.Setpgid = true // not ours: the tests would get the signals, too
		})
		expect(t, lines, "ready")
		if err := unix.Kill(s.init(t), unix.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		expect(t, lines, strconv.Itoa(int(unix.SIGUSR1)))
		if err := unix.Kill(-s.Pid, unix.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		expect(t, lines, strconv.Itoa(int(unix.SIGUSR2)))
		if o.Monitor {
			// It is for nobody.
			if err := unix.Kill(s.outer.Pid, unix.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Kill(s.init(t), unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		expect(t, lines, strconv.Itoa(int(unix.SIGTERM)))
		if got := rest(t, lines); got != "" {
			t.Errorf("and then came %q", got)
		}
	})
}

// TestSignalAll: one signal for everybody, whatever session they are in.
func TestSignalAll(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		const script = `trap 'echo leader' USR1
			setsid sh -c 'trap "echo session; exit" USR1; echo ready; sleep 1000 & wait' &
			(setsid sh -c 'trap "echo daemon; exit" USR1; echo ready; sleep 1000 & wait' &)
			while sleep 1000 & wait $!; [ $? -gt 128 ]; do :; done`
		s, lines := speaker(t, script, o, nil)
		expect(t, lines, "ready")
		expect(t, lines, "ready")
		if err := SignalAll(s.Init, unix.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		var said []string
		for range 3 {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, strings.TrimSpace(line))
		}
		slices.Sort(said)
		if want := []string{"daemon", "leader", "session"}; !slices.Equal(said, want) {
			t.Errorf("the signal reached %q, want %q", said, want)
		}
		if err := SignalAll(s.Init, unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if status, _, told := s.namespace.Ending(); !told || status.Signal() != syscall.SIGTERM {
			t.Errorf("the command ended with %#x, %t", status, told)
		}
	})
}

// TestInitStops: an init that was stopped goes on where it was.
func TestInitStops(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s, lines := speaker(t, "trap 'exit 7' TERM; echo; sleep 1000 & wait", o, nil)
		init := s.init(t)
		for range 3 {
			if err := errors.Join(unix.Kill(init, unix.SIGSTOP), unix.Kill(init, unix.SIGCONT)); err != nil && !errors.Is(err, unix.ESRCH) {
				t.Fatal(err)
			}
		}
		expect(t, lines, "")
		if err := unix.Kill(init, unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if status, _, told := s.namespace.Ending(); !told || status.ExitStatus() != 7 {
			t.Errorf("it ended with %#x, %t", status, told)
		}
	})
}

// TestIgnoredSIGCHLD: a caller that ignores SIGCHLD gets the status nevertheless, and
// the command ignores it too.
func TestIgnoredSIGCHLD(t *testing.T) {
	signal.Ignore(syscall.SIGCHLD)
	defer signal.Reset(syscall.SIGCHLD)
	both(t, func(t *testing.T, o Options) {
		s, lines := speaker(t, "", o, func(r *clone.Request) {
			r.Path, r.Argv = "/bin/grep", []string{"grep", "-h", "SigIgn", "/proc/self/status", "/no/such/file"}
			r.Files[2] = -1
		})
		if status, _, told := s.namespace.Ending(); !told || status.ExitStatus() != 2 {
			t.Errorf("it ended with %#x, %t", status, told)
		}
		var ignored uint64
		if _, err := fmt.Sscanf(rest(t, lines), "SigIgn:\t%x", &ignored); err != nil || ignored&(1<<(syscall.SIGCHLD-1)) == 0 {
			t.Errorf("the command ignores %#x, %v", ignored, err)
		}
	})
}

// becomes waits for the exec of a monitor or an init. The command does not wait for that of
// a monitor.
func becomes(t *testing.T, name, path string) {
	t.Helper()
	for deadline := time.Now().Add(testproc.Patience); ; time.Sleep(time.Millisecond) {
		cmdline, err := os.ReadFile(path)
		if err == nil && strings.HasPrefix(string(cmdline), name+"\x00") {
			return
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%s is %q, %v", name, cmdline, err)
		}
	}
}

// TestOursHoldNothing: monitor and init are small, have no descriptor of the caller, no
// directory, no environment, and cannot be looked into from inside.
func TestOursHoldNothing(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		const look = "echo; kill -STOP $$"
		s, lines := speaker(t, "cat /proc/1/environ >/dev/null 2>&1; echo $?; readlink /proc/1/exe; "+look, o, func(r *clone.Request) {
			r.Dir = "/tmp"
		})
		ours := map[string]int{"autokill-init": s.init(t)}
		if o.Monitor {
			ours["autokill-monitor"] = s.outer.Pid
		}
		if !o.UserNamespace {
			t.Log("root can look into everything: the refusal is an ordinary user's to see")
		} else {
			expect(t, lines, "1")
			expect(t, lines, "")
		}
		for name, pid := range ours {
			dir := fmt.Sprintf("/proc/%d/", pid)
			becomes(t, name, dir+"cmdline")
			status, err := os.ReadFile(dir + "status")
			if err != nil {
				t.Fatal(err)
			}
			var kilobytes int
			_, size, _ := strings.Cut(string(status), "VmSize:")
			if _, err := fmt.Sscan(size, &kilobytes); err != nil || kilobytes > 512 {
				t.Errorf("%s has %d kB of memory, %v", name, kilobytes, err)
			}
			if os.Geteuid() != 0 {
				continue
			}
			want := 0
			if name == InitName {
				want = 1
				// The command can go on before the init has closed what it has told it by.
				until(t, func() bool {
					_, err := os.Lstat(dir + "fd/1")
					return errors.Is(err, os.ErrNotExist)
				})
			}
			fds, err := filepath.Glob(dir + "fd/*")
			if err != nil || len(fds) != want {
				t.Errorf("%s has descriptors %q, %v", name, fds, err)
			}
			if cwd, err := os.Readlink(dir + "cwd"); cwd != "/" {
				t.Errorf("%s is in %q, %v", name, cwd, err)
			}
			if environ, err := os.ReadFile(dir + "environ"); len(environ) > 0 {
				t.Errorf("%s has an environment: %q, %v", name, environ, err)
			}
		}
	})
}

// TestMountsStayInside: nothing that is mounted inside shows outside.
func TestMountsStayInside(t *testing.T) {
	before := procMounts(t)
	both(t, func(t *testing.T, o Options) {
		_, lines := speaker(t, "grep -c ' /proc ' /proc/self/mountinfo; echo; kill -STOP $$", o, nil)
		if n, err := lines.ReadString('\n'); n < "2" {
			t.Errorf("the command sees %q mounts of /proc, %v", n, err)
		}
		expect(t, lines, "")
		if after := procMounts(t); !slices.Equal(after, before) {
			t.Errorf("the mounts of proc outside were %q, are %q", before, after)
		}
	})
}

// procMounts are the lines of mountinfo for file systems like those that are mounted inside. Tests of
// other packages may mount others beside us.
func procMounts(t *testing.T) []string {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(table), "\n"), func(line string) bool { return !strings.Contains(line, " - proc ") })
}

// TestFailures: a start that fails leaves nothing, and names its step.
func TestFailures(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		for _, tt := range []struct {
			change func(*clone.Request)
			want   string
		}{
			{func(r *clone.Request) { r.Path = "/no/such/file" }, "execve /no/such/file"},
			{func(r *clone.Request) { r.Dir = "/no/such/dir" }, "chdir /no/such/dir"},
			{func(r *clone.Request) { r.Chroot = "/no/such/root" }, "mount(proc) /no/such/root/proc"},
			{func(r *clone.Request) { r.Epilogue = []clone.Step{{Name: "die", Nr: unix.SYS_EXIT_GROUP}} }, "die"},
		} {
			before := testproc.Descriptors()
			r := sh("exit", os.Stderr)
			tt.change(r)
			n, err := Prepare(r, o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.Start()
			n.Started()
			n.Close()
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if after := testproc.Descriptors(); after != before {
				t.Errorf("%s: %d descriptors before, %d after", tt.want, before, after)
			}
			if pid, err := unix.Wait4(-1, nil, unix.WALL|unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
				t.Errorf("%s: a process is left: %d, %v", tt.want, pid, err)
			}
		}
	})
}
