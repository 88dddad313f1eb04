//go:build linux && (amd64 || arm64)

package pidfd

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

func TestSame(t *testing.T) {
	c, d := hold(t, 0), hold(t, 0)
	first, second, other := openChild(t, c), openChild(t, c), openChild(t, d)
	same, err := first.Same(second)
	if !since(t, "6.9", err) {
		return
	}
	if err != nil || !same {
		t.Errorf("one process: %v, %v", same, err)
	}
	if same, err := first.Same(other); err != nil || same {
		t.Errorf("two processes: %v, %v", same, err)
	}
	leader := must[*FD](t)(Open(c.Process.Pid, Thread))
	closeLater(t, leader)
	if same, err := first.Same(leader); err != nil || !same {
		t.Errorf("a process and its leader: %v, %v", same, err)
	}
	c.end()
	c.reap()
	if same, err := first.Same(second); err != nil || !same {
		t.Errorf("one process that is gone: %v, %v", same, err)
	}
}

func TestAutokillObserver(t *testing.T) {
	c := hold(t, 0)
	for _, way := range ways {
		fd := way.open(t, c)
		if is, err := fd.Autokill(); err != nil || is {
			t.Errorf("%s: %v, %v", way.name, is, err)
		}
	}
}

func TestAutokillHandle(t *testing.T) {
	if !testproc.KernelAtLeast(7, 1) {
		t.Skip("needs Linux 7.1: CLONE_PIDFD_AUTOKILL")
	}
	handle := must[*FD](t)(FromFile(cloneForked(t, handleFlags|CloneNNP|CloneClearSighand)))
	closeLater(t, handle)
	info := must[Info](t)(handle.Info(0))
	ids, _ := info.IDs()
	observer := must[*FD](t)(Open(ids.PID, 0))
	closeLater(t, observer)
	for _, test := range []struct {
		fd   *FD
		want bool
	}{{handle, true}, {observer, false}} {
		if is, err := test.fd.Autokill(); err != nil || is != test.want {
			t.Errorf("autokill is %v, %v, want %v", is, err, test.want)
		}
	}
	if same, err := handle.Same(observer); err != nil || !same {
		t.Errorf("handle and observer are the same: %v, %v", same, err)
	}
	if err := handle.Close(); err != nil {
		t.Error(err)
	}
	if err := observer.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := observer.WaitReaped(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, err := observer.Reap()
	wantErr(t, err, syscall.ECHILD)
	info = must[Info](t)(observer.Info(InfoExit))
	if ws, ok := info.Exit(); !ok || ws.Signal() != syscall.SIGKILL {
		t.Errorf("exit %#x, %v", uint32(ws), ok)
	}
}

func TestGetFD(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, r)
	c := hold(t, 0)
	fd := openChild(t, c)
	stdin, err := fd.GetFD(0)
	if errors.Is(err, syscall.EPERM) && os.Getuid() != 0 {
		t.Skipf("needs the right to trace a child: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// It is the child's: when the parent's end goes, this one reads the end.
	c.end()
	if n, err := stdin.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d, %v", n, err)
	}
	closeNow(t, stdin)
	closeNow(t, w)

	self := must[*FD](t)(Open(os.Getpid(), 0))
	closeLater(t, self)
	var number int
	conn := must[syscall.RawConn](t)(r.SyscallConn())
	if err := conn.Control(func(n uintptr) { number = int(n) }); err != nil {
		t.Fatal(err)
	}
	dup := must[*os.File](t)(self.GetFD(number))
	closeLater(t, dup)
	a, b := must[os.FileInfo](t)(r.Stat()), must[os.FileInfo](t)(dup.Stat())
	if !os.SameFile(a, b) {
		t.Error("another file")
	}
	conn = must[syscall.RawConn](t)(dup.SyscallConn())
	if err := conn.Control(func(n uintptr) {
		if flags, err := unix.FcntlInt(n, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("not close-on-exec: %#x, %v", flags, err)
		}
	}); err != nil {
		t.Error(err)
	}
	for _, n := range []int{-1, 1 << 30, 1<<32 + 1} {
		_, err = self.GetFD(n)
		wantErr(t, err, syscall.EBADF)
	}
	gone := reapedChild(t, 0)
	_, err = gone.GetFD(0)
	wantErr(t, err, os.ErrProcessDone, syscall.ESRCH)
}

func TestGetFDPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may trace everybody: needs an ordinary user")
	}
	init := must[*FD](t)(Open(1, 0))
	closeLater(t, init)
	_, err := init.GetFD(0)
	wantErr(t, err, syscall.EPERM)
	if testproc.KernelAtLeast(6, 11) {
		_, err = init.Namespace(NetNamespace)
		wantErr(t, err, syscall.EACCES)
	}
}

func TestNamespace(t *testing.T) {
	self := must[*FD](t)(Open(os.Getpid(), 0))
	closeLater(t, self)
	for kind := CgroupNamespace; kind <= UTSNamespace; kind++ {
		t.Run(kind.String(), func(t *testing.T) {
			proc, procErr := os.Stat("/proc/self/ns/" + kind.String())
			if procErr != nil && testproc.KernelAtLeast(6, 11) {
				_, err := self.Namespace(kind)
				wantErr(t, err, errors.ErrUnsupported)
				t.Skipf("needs a kernel with this namespace, and /proc: %v", procErr)
			}
			file, err := self.Namespace(kind)
			if !since(t, "6.11", err) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			closeLater(t, file)
			info := must[os.FileInfo](t)(file.Stat())
			if !os.SameFile(proc, info) {
				t.Error("another namespace than /proc says")
			}
		})
	}
	for _, kind := range []Namespace{0, UTSNamespace + 1, 255} {
		_, err := self.Namespace(kind)
		wantErr(t, err, syscall.EINVAL)
	}
}

func TestNamespaceEnded(t *testing.T) {
	c := hold(t, 0)
	fd := openChild(t, c)
	c.end()
	if err := fd.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"zombie", "reaped"} {
		_, err := fd.Namespace(NetNamespace)
		if since(t, "6.11", err) {
			// A zombie has no memory whose owner could be compared, so an
			// ordinary user may be told that it must not look.
			if state == "reaped" || os.Getuid() == 0 {
				wantErr(t, err, os.ErrProcessDone)
			} else if !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.EACCES) {
				t.Errorf("%s: %v", state, err)
			}
		}
		c.reap()
	}
}

func TestNamespaceNames(t *testing.T) {
	for kind := CgroupNamespace; kind <= UTSNamespace; kind++ {
		if strings.HasPrefix(kind.String(), "Namespace(") {
			t.Errorf("%d has no name", uint8(kind))
		}
	}
}
