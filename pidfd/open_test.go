//go:build linux && (amd64 || arm64)

package pidfd

import (
	"errors"
	"math"
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

func fcntl(t *testing.T, fd *FD, cmd int) int {
	t.Helper()
	var flags int
	if err := fd.control(func(n int) (err error) {
		flags, err = unix.FcntlInt(uintptr(n), cmd, 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return flags
}

func TestOpen(t *testing.T) {
	fd := must[*FD](t)(Open(os.Getpid(), 0))
	if fcntl(t, fd, unix.F_GETFD)&unix.FD_CLOEXEC == 0 {
		t.Error("not close-on-exec")
	}
	if fcntl(t, fd, unix.F_GETFL)&unix.O_NONBLOCK == 0 {
		t.Error("not non-blocking")
	}
	if err := fd.Signal(0, ToReferent); err != nil {
		t.Error(err)
	}
	if fd.File() == nil {
		t.Error("no file")
	}
	if _, err := fd.SyscallConn(); err != nil {
		t.Error(err)
	}
	if err := fd.Close(); err != nil {
		t.Error(err)
	}
	wantErr(t, fd.Close(), os.ErrClosed)
}

func TestOpenErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		pid   int
		flags Flags
		want  []error
	}{
		{"zero", 0, 0, []error{syscall.EINVAL}},
		{"negative", -1, 0, []error{syscall.EINVAL}},
		{"would be cut to 1", 1<<32 + 1, 0, []error{syscall.EINVAL}},
		{"unknown flag", os.Getpid(), 1 << 20, []error{syscall.EINVAL}},
		{"autokill is no flag", os.Getpid(), autokillBit, []error{syscall.EINVAL}},
		{"nobody", math.MaxInt32, 0, []error{os.ErrProcessDone, syscall.ESRCH}},
	} {
		t.Run(test.name, func(t *testing.T) {
			fd, err := Open(test.pid, test.flags)
			if err == nil {
				closeNow(t, fd)
				t.Fatal("opened")
			}
			wantErr(t, err, test.want...)
			notErr(t, err, errors.ErrUnsupported)
		})
	}
}

func TestOpenEnded(t *testing.T) {
	c := hold(t, 0)
	pid := c.Process.Pid
	first := openChild(t, c)
	c.end()
	if err := first.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := must[*FD](t)(Open(pid, 0)) // a zombie
	closeNow(t, second)
	c.reap()
	_, err := Open(pid, 0)
	wantErr(t, err, os.ErrProcessDone, syscall.ESRCH)
}

// thread starts a thread and returns its id and what ends it.
func thread(t *testing.T) (tid int, end func()) {
	t.Helper()
	ids, quit := make(chan int), make(chan struct{})
	go func() {
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		ids <- unix.Gettid()
		<-quit
	}()
	tid = <-ids
	if tid == os.Getpid() {
		// The first thread never ends. Keep it busy and take another one.
		other, endOther := thread(t)
		return other, func() { endOther(); close(quit) }
	}
	return tid, func() { close(quit) }
}

func TestOpenThread(t *testing.T) {
	tid, end := thread(t)
	defer end()

	_, err := Open(tid, 0)
	switch {
	case testproc.KernelAtLeast(6, 15):
		wantErr(t, err, syscall.ENOENT)
	default:
		wantErr(t, err, syscall.EINVAL)
	}
	notErr(t, err, errors.ErrUnsupported)

	fd, err := Open(tid, Thread)
	if !since(t, "6.9", err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, fd)
	if err := fd.Signal(0, ToReferent); err != nil {
		t.Error(err)
	}
	_, err = Open(math.MaxInt32, Thread)
	wantErr(t, err, os.ErrProcessDone)
}

func TestFromFile(t *testing.T) {
	c := hold(t, 0)
	for _, nonblock := range []bool{false, true} {
		file := blocking(t, c.Process.Pid)
		if nonblock {
			n := must[int](t)(unix.PidfdOpen(c.Process.Pid, int(NonBlock)))
			closeNow(t, file)
			file = os.NewFile(uintptr(n), "nonblocking")
		}
		fd := must[*FD](t)(FromFile(file))
		if set := fcntl(t, fd, unix.F_GETFL)&unix.O_NONBLOCK != 0; set != nonblock {
			t.Errorf("O_NONBLOCK was %v and is %v", nonblock, set)
		}
		if err := fd.Signal(0, ToReferent); err != nil {
			t.Error(err)
		}
		closeNow(t, fd)
		_, err := file.Stat()
		wantErr(t, err, os.ErrClosed)
	}
}

func TestFromFileRefuses(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, r)
	closeLater(t, w)
	dir := must[*os.File](t)(os.Open(t.TempDir()))
	closeLater(t, dir)
	files := []*os.File{r, dir}
	if proc, err := os.Open("/proc/self"); err == nil {
		closeLater(t, proc)
		files = append(files, proc)
	}
	if testproc.KernelAtLeast(6, 9) { // before that a pidfd cannot be opened by a path
		self := must[*FD](t)(Open(os.Getpid(), 0))
		if path, err := os.OpenFile(procFD(t, self.File()), unix.O_PATH, 0); err == nil {
			closeLater(t, path)
			files = append(files, path)
		}
		closeNow(t, self)
	}
	for _, file := range files {
		_, err := FromFile(file)
		wantErr(t, err, syscall.EBADF)
		if _, err := file.Stat(); err != nil {
			t.Errorf("%s was taken away: %v", file.Name(), err)
		}
	}
	_, err = FromFile(nil)
	wantErr(t, err, os.ErrInvalid)
	closeNow(t, dir)
	_, err = FromFile(dir)
	wantErr(t, err, os.ErrClosed)
}

func TestNewRefuses(t *testing.T) {
	null := must[*os.File](t)(os.Open(os.DevNull))
	closeLater(t, null)
	for _, n := range []int{int(null.Fd()), 1 << 20, -1, math.MinInt32} {
		_, err := New(n)
		wantErr(t, err, syscall.EBADF)
	}
	if _, err := null.Stat(); err != nil {
		t.Errorf("it was taken away: %v", err)
	}
}

// Every method of a closed and of a zero FD.
func TestClosed(t *testing.T) {
	open := must[*FD](t)(Open(os.Getpid(), 0))
	closeLater(t, open)
	closed := must[*FD](t)(Open(os.Getpid(), 0))
	closeNow(t, closed)
	for _, test := range []struct {
		name string
		fd   *FD
		want error
	}{
		{"closed", closed, os.ErrClosed},
		{"zero", new(FD), os.ErrInvalid},
		{"nil", nil, os.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantErr(t, test.fd.Close(), test.want)
			wantErr(t, test.fd.Signal(0, ToReferent), test.want)
			wantErr(t, test.fd.Wait(t.Context()), test.want)
			wantErr(t, test.fd.WaitReaped(t.Context()), test.want)
			_, err := test.fd.Info(0)
			wantErr(t, err, test.want)
			_, _, err = test.fd.Reap()
			wantErr(t, err, test.want)
			_, err = test.fd.GetFD(0)
			wantErr(t, err, test.want)
			_, err = test.fd.Namespace(NetNamespace)
			wantErr(t, err, test.want)
			_, err = test.fd.Autokill()
			wantErr(t, err, test.want)
			_, err = test.fd.Same(test.fd)
			wantErr(t, err, test.want)
			if testproc.KernelAtLeast(6, 9) {
				_, err = open.Same(test.fd)
				wantErr(t, err, test.want)
			}
		})
	}
}
