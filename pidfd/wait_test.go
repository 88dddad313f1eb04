//go:build linux && (amd64 || arm64)

package pidfd

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// ways are the two ways a descriptor is watched.
var ways = []struct {
	name string
	open func(*testing.T, *child) *FD
}{
	{"nonblocking", openChild},
	{"blocking", func(t *testing.T, c *child) *FD {
		fd := must[*FD](t)(FromFile(blocking(t, c.Process.Pid)))
		closeLater(t, fd)
		return fd
	}},
}

func eachWay(t *testing.T, test func(*testing.T, func(*testing.T, *child) *FD)) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) { test(t, way.open) })
	}
}

// waiting returns when the FD is being watched for this stage.
func waiting(fd *FD, until stage) {
	for {
		fd.mu.Lock()
		w := fd.watcher
		watched := w != nil && w.until >= until
		fd.mu.Unlock()
		if watched {
			return
		}
		runtime.Gosched()
	}
}

func TestWait(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, *child) *FD) {
		c := hold(t, 0)
		fd := open(t, c)
		done := make(chan error)
		go func() { done <- fd.Wait(t.Context()) }()
		waiting(fd, ended)
		select {
		case err := <-done:
			t.Fatalf("returned while the child runs: %v", err)
		default:
		}
		c.end()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		// It waits, it does not reap.
		if err := fd.Signal(0, ToReferent); err != nil {
			t.Error(err)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := fd.Wait(canceled); err != nil {
			t.Errorf("ended already: %v", err)
		}
		c.reap()
		if err := fd.Wait(canceled); err != nil {
			t.Errorf("reaped already: %v", err)
		}
	})
}

func TestWaitManyWaiters(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, *child) *FD) {
		c := hold(t, 0)
		fd := open(t, c)
		other := open(t, c)
		var begun, done sync.WaitGroup
		for i := range 200 {
			begun.Add(1)
			done.Go(func() {
				at := fd
				if i%2 == 1 {
					at = other
				}
				begun.Done()
				if err := at.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		begun.Wait()
		c.end()
		done.Wait()
	})
}

func TestWaitContext(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, *child) *FD) {
		c := hold(t, 0)
		fd := open(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		done, patient := make(chan error), make(chan error)
		go func() { done <- fd.Wait(ctx) }()
		go func() { patient <- fd.Wait(t.Context()) }()
		waiting(fd, ended)
		cancel()
		wantErr(t, <-done, context.Canceled)
		wantErr(t, fd.Wait(ctx), context.Canceled)
		late, stop := context.WithTimeout(t.Context(), 1)
		defer stop()
		wantErr(t, fd.Wait(late), context.DeadlineExceeded)
		c.end()
		if err := <-patient; err != nil {
			t.Errorf("somebody else gave up, and so did we: %v", err)
		}
	})
}

func TestWaitClose(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, *child) *FD) {
		fd := open(t, hold(t, 0))
		done := make(chan error)
		for range 3 {
			go func() { done <- fd.Wait(t.Context()) }()
		}
		waiting(fd, ended)
		if err := fd.Close(); err != nil {
			t.Error(err)
		}
		for range 3 {
			wantErr(t, <-done, os.ErrClosed)
		}
	})
}

func TestWaitReaped(t *testing.T) {
	eachWay(t, func(t *testing.T, open func(*testing.T, *child) *FD) {
		c := hold(t, 0)
		fd := open(t, c)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := fd.WaitReaped(canceled); !since(t, "6.9", err) {
			return
		}
		// Whoever waits for less is not held up by whoever waits for more.
		done := make(chan error)
		go func() { done <- fd.WaitReaped(t.Context()) }()
		waiting(fd, reaped)
		c.end()
		if err := fd.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantErr(t, fd.WaitReaped(canceled), context.Canceled)
		select {
		case err := <-done:
			t.Fatalf("not reaped, but says so: %v", err)
		default:
		}
		c.reap()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := fd.WaitReaped(canceled); err != nil {
			t.Error(err)
		}
	})
}

// A waiter for the reap that comes while one for the end waits.
func TestWaitRaised(t *testing.T) {
	if !testproc.KernelAtLeast(6, 9) {
		t.Skip("needs Linux 6.9: POLLHUP")
	}
	eachWay(t, func(t *testing.T, open func(*testing.T, *child) *FD) {
		c := hold(t, 0)
		fd := open(t, c)
		end, gone := make(chan error), make(chan error)
		go func() { end <- fd.Wait(t.Context()) }()
		waiting(fd, ended)
		go func() { gone <- fd.WaitReaped(t.Context()) }()
		waiting(fd, reaped)
		c.end()
		if err := <-end; err != nil {
			t.Error(err)
		}
		c.reap()
		if err := <-gone; err != nil {
			t.Error(err)
		}
	})
}

// Children that end around the moment the wait begins: a lost edge hangs.
func TestWaitRace(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	eachWay(t, func(t *testing.T, open func(*testing.T, *child) *FD) {
		for range rounds {
			c := command(t, "cat")
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			fd := open(t, c)
			var done sync.WaitGroup
			done.Go(func() {
				if err := fd.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				if err := c.Wait(); err != nil {
					t.Error(err)
				}
			})
			if testproc.KernelAtLeast(6, 9) {
				done.Go(func() {
					if err := fd.WaitReaped(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			c.end()
			done.Wait()
			closeNow(t, fd)
		}
	})
}

func TestWaitThread(t *testing.T) {
	tid, end := thread(t)
	fd, err := Open(tid, Thread)
	if !since(t, "6.9", err) {
		end()
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, fd)
	done := make(chan error)
	go func() { done <- fd.Wait(t.Context()) }()
	waiting(fd, ended)
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
	// A thread is reaped by nobody but itself.
	if err := fd.WaitReaped(t.Context()); err != nil {
		t.Error(err)
	}
	_, _, err = fd.Reap()
	wantErr(t, err, syscall.ECHILD)
}

func TestWaitStolen(t *testing.T) {
	c := hold(t, 5)
	fd := openChild(t, c)
	done := make(chan error)
	go func() { done <- fd.Wait(t.Context()) }()
	waiting(fd, ended)
	c.end()
	var ws unix.WaitStatus
	if _, err := unix.Wait4(c.Process.Pid, &ws, 0, nil); err != nil || ws.ExitStatus() != 5 {
		t.Fatalf("wait4: %v, %v", ws, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	_, ended, err := fd.Reap()
	wantErr(t, err, syscall.ECHILD)
	if ended {
		t.Error("reaped what somebody else had reaped")
	}
	info, err := fd.Info(InfoExit)
	if !testproc.KernelAtLeast(6, 15) {
		if err == nil {
			t.Errorf("%v knows more than it should", info.Answered)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if ws, ok := info.Exit(); !ok || ws.ExitStatus() != 5 {
		t.Errorf("exit %v, %v", ws, ok)
	}
}

func TestReap(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*child, *FD)
		want func(syscall.WaitStatus) bool
	}{
		{
			"exit",
			func(c *child, _ *FD) { c.end() },
			func(ws syscall.WaitStatus) bool { return ws.Exited() && ws.ExitStatus() == 200 },
		},
		{
			"killed",
			func(c *child, fd *FD) { c.kill(fd) },
			func(ws syscall.WaitStatus) bool { return ws.Signaled() && ws.Signal() == syscall.SIGKILL },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := hold(t, 200)
			fd := openChild(t, c)
			for name, look := range map[string]func() (Exit, bool, error){"Reap": fd.Reap, "Peek": fd.Peek} {
				if _, ended, err := look(); ended || err != nil {
					t.Fatalf("%s before the end: %v, %v", name, ended, err)
				}
			}
			test.end(c, fd)
			if err := fd.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			peeked, ended, err := fd.Peek()
			if !ended || err != nil {
				t.Fatalf("after the end: %v, %v", ended, err)
			}
			exit, ended, err := fd.Reap()
			if !ended || err != nil {
				t.Fatalf("after the end and a peek: %v, %v", ended, err)
			}
			if peeked != exit {
				t.Errorf("peeked at %+v, reaped %+v", peeked, exit)
			}
			if !test.want(exit.Status) {
				t.Errorf("status %#x", uint32(exit.Status))
			}
			if exit.Usage.Maxrss == 0 {
				t.Error("no resource usage")
			}
			_, _, err = fd.Reap()
			wantErr(t, err, syscall.ECHILD)
			_, _, err = fd.Peek()
			wantErr(t, err, syscall.ECHILD)
		})
	}
}

// A child that sends no signal at its end is found too.
func TestReapWithoutExitSignal(t *testing.T) {
	fd := must[*FD](t)(FromFile(cloneForked(t, ClonePIDFD|CloneClearSighand)))
	closeLater(t, fd)
	if err := fd.Signal(syscall.SIGKILL, ToReferent); err != nil {
		t.Fatal(err)
	}
	if err := fd.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	exit, done, err := fd.Reap()
	if err != nil || !done || exit.Status.Signal() != syscall.SIGKILL {
		t.Errorf("%#x, %v, %v", uint32(exit.Status), done, err)
	}
}

func TestReapNotOurs(t *testing.T) {
	self := must[*FD](t)(Open(os.Getpid(), 0))
	closeLater(t, self)
	_, _, err := self.Reap()
	wantErr(t, err, syscall.ECHILD)
}

func TestChildStatus(t *testing.T) {
	for _, test := range []struct {
		code, status int32
		want         syscall.WaitStatus
	}{
		{cldExited, 0, 0},
		{cldExited, 255, 255 << 8},
		{cldKilled, int32(syscall.SIGKILL), 9},
		{cldDumped, int32(syscall.SIGSEGV), 11 | 0x80},
	} {
		if have := childStatus(test.code, test.status); have != test.want {
			t.Errorf("childStatus(%d, %d) = %#x, want %#x", test.code, test.status, have, test.want)
		}
	}
}

// A deadline on the borrowed file is the caller's mistake: named, and undone
// by the next wait.
func TestWaitBorrowedDeadline(t *testing.T) {
	c := hold(t, 0)
	fd := openChild(t, c)
	done := make(chan error)
	go func() { done <- fd.Wait(t.Context()) }()
	waiting(fd, ended)
	if err := fd.File().SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	err := <-done
	wantErr(t, err, os.ErrDeadlineExceeded)
	notErr(t, err, os.ErrClosed)
	go func() { done <- fd.Wait(t.Context()) }()
	c.end()
	if err := <-done; err != nil {
		t.Error(errors.Unwrap(err), err)
	}
}

// TestReapLeavesStops: the stop of a traced child is for its tracer, however often
// somebody in the same program looks for the child's end.
func TestReapLeavesStops(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := exec.Command("/bin/true")
	c.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	fd, err := Open(c.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if err := unix.Waitid(unix.P_PID, c.Process.Pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if exit, ended, err := fd.Reap(); ended || err != nil {
		t.Fatalf("a stopped child was reaped: %+v, %v", exit, err)
	}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(c.Process.Pid, &ws, unix.WNOHANG, nil); err != nil || !ws.Stopped() {
		t.Fatalf("the stop is gone: %#x, %v", ws, err)
	}
	if err := unix.PtraceDetach(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
