//go:build linux && (amd64 || arm64)

package bond

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// queued is what a hostile sender puts into the queue of what shall look like a handle.
type queued struct {
	text  []byte
	files []int
}

// pretend makes a socket with messages in its queue, as whoever wants to be adopted does.
func pretend(t testing.TB, attest bool, messages ...queued) *os.File {
	t.Helper()
	return pretendBy(t, attest, nil, messages)
}

// pretendAs is pretend by another user, which root can say of itself.
func pretendAs(t *testing.T, uid uint32, messages ...queued) *os.File {
	t.Helper()
	return pretendBy(t, false, unix.UnixCredentials(&unix.Ucred{Pid: int32(os.Getpid()), Uid: uid, Gid: uid}), messages)
}

func pretendBy(t testing.TB, attest bool, sender []byte, messages []queued) *os.File {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	handle := os.NewFile(uintptr(pair[0]), "pretended handle")
	if attest {
		if err := unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range messages {
		m.send(t, pair[1], sender)
	}
	_ = unix.Close(pair[1])
	return handle
}

func (m queued) send(t testing.TB, socket int, control []byte) {
	t.Helper()
	if len(m.files) > 0 {
		control = append(control, unix.UnixRights(m.files...)...)
	}
	if err := unix.Sendmsg(socket, m.text, control, nil, 0); err != nil {
		t.Fatal(err)
	}
}

func description(s Scope, pid int) []byte {
	text := appendHeader(nil, s)
	return append(text, byte(pid), byte(pid>>8), byte(pid>>16), byte(pid>>24))
}

// TestAdoptDistrusts offers what is no handle, in the ways that a hostile sender has.
// Nobody dies of it, nothing stays open, and no answer takes long.
func TestAdoptDistrusts(t *testing.T) {
	victim := exec.Command("sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := victim.Process.Signal(unix.Signal(0)); err != nil {
			t.Errorf("the victim: %v", err)
		}
		_ = victim.Process.Kill()
		_ = victim.Wait()
	}()
	pid := victim.Process.Pid
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file := int(null.Fd())
	describe := queued{description(ScopeProcess, pid), []int{pidfd}}
	parcel := queued{appendHeader(nil, ScopeProcess), []int{file, file, file, file}}
	with := func(text []byte, files ...int) []queued { return []queued{{text, files}, parcel} }
	other := func(change func(text []byte)) []byte {
		text := description(ScopeProcess, pid)
		change(text)
		return text
	}

	tests := []struct {
		name   string
		handle func(t *testing.T) *os.File
	}{
		{"a file", func(*testing.T) *os.File { return reopened(t, "/dev/null") }},
		{"a directory", func(*testing.T) *os.File { return reopened(t, "/proc/self") }},
		{"an ordinary pidfd", func(t *testing.T) *os.File {
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				t.Fatal(err)
			}
			return os.NewFile(uintptr(fd), "pidfd")
		}},
		{"a pipe", func(t *testing.T) *os.File {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
			return r
		}},
		{"a stream socket", func(t *testing.T) *os.File { return socketOf(t, unix.AF_UNIX, unix.SOCK_STREAM) }},
		{"a socket that listens to nobody", func(t *testing.T) *os.File { return socketOf(t, unix.AF_UNIX, unix.SOCK_SEQPACKET) }},
		{"an internet socket", func(t *testing.T) *os.File { return socketOf(t, unix.AF_INET, unix.SOCK_STREAM) }},
		{"an empty queue", pretends(true)},
		{"an empty message", pretends(true, with(nil)...)},
		{"another magic", pretends(true, with(other(func(b []byte) { b[0] = 'A' }), pidfd)...)},
		{"another version", pretends(true, with(other(func(b []byte) { b[8], b[9] = 9, 9 }), pidfd)...)},
		{"another scope", pretends(true, with(other(func(b []byte) { b[10], b[11] = 9, 9 }), pidfd)...)},
		{"no pid", pretends(true, with(description(ScopeProcess, 0), pidfd)...)},
		{"a negative pid", pretends(true, with(description(ScopeProcess, -5), pidfd)...)},
		{"a truncated description", pretends(true, with(description(ScopeProcess, pid)[:14], pidfd)...)},
		{"an oversized description", pretends(true, with(append(description(ScopeProcess, pid), make([]byte, 4000)...), pidfd)...)},
		{"no parcel", pretends(true, describe)},
		{"a parcel first", pretends(true, parcel, describe)},
		{"too many in the parcel", pretends(true, describe, queued{appendHeader(nil, ScopeProcess), []int{file, file, file, file, file}})},
		{"too few in the parcel", pretends(true, describe, queued{appendHeader(nil, ScopeProcess), []int{file}})},
		{"no pidfd", pretends(true, queued{description(ScopeProcess, pid), nil}, queued{appendHeader(nil, ScopeProcess), []int{file, file, file, file, file}})},
		{"two pidfds", pretends(true, queued{description(ScopeProcess, pid), []int{pidfd, pidfd}}, queued{appendHeader(nil, ScopeProcess), []int{file, file, file}})},
		{"a file for a pidfd", pretends(true, with(description(ScopeProcess, pid), file)...)},
		{"nobody has attested it", pretends(false, describe, parcel)},
		{"a namespace without an introduction", pretends(true, queued{description(ScopePIDNamespace, pid), []int{pidfd}}, queued{appendHeader(nil, ScopePIDNamespace), []int{file, file, file, file, pidfd, pidfd}})},
		{"a namespace whose init is its command", pretends(
			true,
			queued{description(ScopePIDNamespace, pid), []int{pidfd}},
			queued{appendHeader(nil, ScopePIDNamespace), []int{file, file, file, file}},
			queued{appendHeader(nil, ScopePIDNamespace), []int{pidfd, pidfd}},
		)},
		{"a peek offset", func(t *testing.T) *os.File {
			f := pretends(true, with(nil)...)(t)
			setPeekOffset(t, f, 1000)
			return f
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			handle := tt.handle(t)
			defer handle.Close()
			before := openFiles(t)
			began := time.Now()
			child, err := Adopt(handle)
			if child != nil {
				t.Fatalf("adopted %d", child.Pid)
			}
			if !errors.Is(err, ErrNotHandle) {
				t.Errorf("%v", err)
			}
			if took := time.Since(began); took > testproc.Patience {
				t.Errorf("it took %v", took)
			}
			if after := openFiles(t); !slices.Equal(before, after) {
				t.Errorf("open before %v, after %v", before, after)
			}
			t.Log(err)
		})
	}
}

// TestAdoptDespitePeekOffset: who shares a handle can set that, and can write to it.
func TestAdoptDespitePeekOffset(t *testing.T) {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	null := reopened(t, "/dev/null")
	defer null.Close()
	file := int(null.Fd())
	handle := pretend(t, true,
		queued{description(ScopeProcess, os.Getpid()), []int{pidfd}},
		queued{appendHeader(nil, ScopeProcess), []int{file, file, file, file}})
	setPeekOffset(t, handle, 1000)
	child, err := Adopt(handle)
	if err != nil {
		t.Fatal(err)
	}
	if child.Pid != os.Getpid() || child.Scope() != ScopeProcess || child.Kind() != Tripwire {
		t.Errorf("adopted %d, %v, %v", child.Pid, child.Scope(), child.Kind())
	}
	child.Close()
}

// adoptAgain makes a second Child of a handle.
func adoptAgain(t *testing.T, child *Child) *Child {
	t.Helper()
	handle, err := child.Handle.File()
	if err != nil {
		t.Fatal(err)
	}
	second, err := unix.FcntlInt(handle.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	adopted, err := Adopt(os.NewFile(uintptr(second), "handle"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(adopted.Close)
	return adopted
}

// TestAdoptedDoesNotReap: the Child that was started here has its end, and what it has used.
func TestAdoptedDoesNotReap(t *testing.T) {
	child, err := Start(sleeper(), Wish{Kind: Tripwire})
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	adopted := adoptAgain(t, child)
	child.Kill()
	adopted.Await() // has had the time that it gives to the parent
	if end := child.Await(); !end.Known || end.Rusage.Maxrss == 0 {
		t.Errorf("somebody else has reaped the child: %+v", end)
	}
}

const climberRole = "climber"

// climb becomes root when it is told to, as a set-user-ID program does.
func climb([]string) int {
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return 1
	}
	if err := syscall.Setresuid(0, 0, 0); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("up")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// TestAdoptedBecomesRoot: when the child of a handle that another user has made is root's, it is
// not signalled with the rights of root.
func TestAdoptedBecomesRoot(t *testing.T) {
	for _, scope := range []Scope{ScopeProcess, ScopeTree} {
		c := testproc.Command(climberRole)
		c.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: somebody, Gid: somebody}, AmbientCaps: []uintptr{unix.CAP_SETUID}, Setpgid: true,
		}
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
			t.Skipf("needs root, to make a user with a capability: %v", err)
		} else if err != nil {
			t.Fatal(err)
		}
		child := adoptFrom(t, somebody, scope, c.Process.Pid)
		if err := child.Signal(unix.SIGCONT); err != nil {
			t.Errorf("%v: while it is the user's: %v", scope, err)
		}
		_, _ = in.Write([]byte("."))
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "up\n" {
			t.Fatalf("%v: it said %q, %v", scope, line, err)
		}
		for name, signal := range map[string]func(unix.Signal) error{"Signal": child.Signal, "SignalAll": child.SignalAll} {
			if err := signal(unix.SIGTERM); !errors.Is(err, unix.EPERM) {
				t.Errorf("%v, %s: %v", scope, name, err)
			}
		}
		child.Kill()
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("%v: the process of root: %v", scope, err)
		}
		child.Close()
	}
}

// somebody is not root.
const somebody = 65534

// adoptFrom adopts a handle of a process as if this user had made it.
func adoptFrom(t *testing.T, uid uint32, scope Scope, pid int) *Child {
	t.Helper()
	observer, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(observer)
	null := reopened(t, "/dev/null")
	defer null.Close()
	file := int(null.Fd())
	child, err := Adopt(pretendAs(
		t, uid,
		queued{description(scope, pid), []int{observer}},
		queued{appendHeader(nil, scope), []int{file, file, file, file}},
	))
	if err != nil {
		t.Fatal(err)
	}
	return child
}

// TestAdoptedGroup: a process of root in the group of a handle that another user has made (a
// set-user-ID program in a job) is not signalled with the rights of root.
func TestAdoptedGroup(t *testing.T) {
	start := func(uid uint32, group int) *exec.Cmd {
		t.Helper()
		c := exec.Command("sleep", "1000")
		c.SysProcAttr = &unix.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Setpgid: true, Pgid: group}
		if err := c.Start(); errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
			t.Skipf("needs root, to be more powerful than who has made the handle: %v", err)
		} else if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = c.Process.Kill()
			_ = c.Wait()
		})
		return c
	}
	leader := start(somebody, 0)
	ofRoot := start(0, leader.Process.Pid)
	child := adoptFrom(t, somebody, ScopeTree, leader.Process.Pid)
	defer child.Close()
	if err := child.SignalAll(unix.SIGSTOP); !errors.Is(err, unix.EPERM) {
		t.Errorf("to signal one of root's: %v", err)
	}
	child.Kill()
	if err := leader.Wait(); err == nil {
		t.Error("the leader was not killed")
	}
	if s, err := readStat(ofRoot.Process.Pid); err != nil || s.dead() || s.state == "T" {
		t.Errorf("the process of root: %+v, %v", s, err)
	}
}

func pretends(attest bool, messages ...queued) func(*testing.T) *os.File {
	return func(t *testing.T) *os.File { return pretend(t, attest, messages...) }
}

func reopened(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func socketOf(t *testing.T, domain, kind int) *os.File {
	t.Helper()
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "socket")
}

func setPeekOffset(t *testing.T, f *os.File, offset int) {
	t.Helper()
	if err := unix.SetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_PEEK_OFF, offset); err != nil {
		t.Fatal(err)
	}
}

func openFiles(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// FuzzAdopt offers a queue of anything.
func FuzzAdopt(f *testing.F) {
	f.Add(true, description(ScopeProcess, 1), appendHeader(nil, ScopeProcess), []byte("12"))
	f.Add(true, description(ScopeTree, 77), appendHeader(nil, ScopeTree), []byte("14"))
	f.Add(true, description(ScopePIDNamespace, 1), appendHeader(nil, ScopePIDNamespace), []byte("1422"))
	f.Add(false, []byte("autokill"), []byte{}, []byte{})
	null, err := os.Open("/dev/null")
	if err != nil {
		f.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		null.Close()
		_ = unix.Close(pidfd)
	})
	f.Fuzz(func(t *testing.T, attest bool, first, second, counts []byte) {
		var queue []queued
		for i, text := range [][]byte{first, second, second, first} {
			if i >= len(counts) {
				break
			}
			m := queued{text: text[:min(len(text), 1<<10)]}
			for n := range int(counts[i] % 8) {
				m.files = append(m.files, []int{pidfd, int(null.Fd())}[(n+int(counts[i]>>4))%2])
			}
			if len(m.text) == 0 && len(m.files) > 0 {
				continue // such a message carries nothing
			}
			queue = append(queue, m)
		}
		handle := pretend(t, attest, queue...)
		defer handle.Close()
		before := openFiles(t)
		child, err := Adopt(handle)
		if err == nil {
			if child.Pid != os.Getpid() {
				t.Errorf("adopted %d", child.Pid)
			}
			child.Close()
			return
		}
		if after := openFiles(t); !slices.Equal(before, after) {
			t.Errorf("open before %v, after %v", before, after)
		}
	})
}
