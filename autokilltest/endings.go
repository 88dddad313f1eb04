//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

var endings = []clause{
	{"TestE1_NoZombieWithoutWait", func(t *testing.T, s suite) {
		p := s.begin(t, s.Command("true"))
		s.wait(t, p)
		if got := state(t, p.Pid); got != "" {
			t.Errorf("process %d is still there, in state %s", p.Pid, got)
		}
		if pid, err := unix.Wait4(p.Pid, nil, unix.WNOHANG|unix.WALL, nil); !errors.Is(err, unix.ECHILD) {
			t.Errorf("wait4 answers %d, %v: want ECHILD", pid, err)
		}
	}},

	{"TestE2_Status", func(t *testing.T, s suite) {
		for _, tt := range []struct{ script, want string }{
			{"exit 0", "exit status 0"},
			{"exit 7", "exit status 7"},
			{"exit 255", "exit status 255"},
			{"kill -USR1 $$", "signal: user defined signal 1"},
			{"kill -KILL $$", "signal: killed"},
		} {
			p := s.begin(t, s.Command("sh", "-c", tt.script))
			for range 3 { // as often as they like
				state, err := p.Wait()
				if err != nil {
					t.Fatal(err)
				}
				if state.String() != tt.want || !state.Known() {
					t.Errorf("%s: %v, want %s", tt.script, state, tt.want)
				}
			}
		}
	}},
	{"TestE2_CoreDump", func(t *testing.T, s suite) {
		c := s.Command("sh", "-c", "ulimit -c unlimited || exit 9; kill -ABRT $$")
		c.Dir = t.TempDir()
		if err := os.Chmod(c.Dir, 0o777); err != nil {
			t.Fatal(err)
		}
		p := s.begin(t, c)
		state, err := p.Wait()
		if err != nil {
			t.Fatal(err)
		}
		status, _ := state.Sys().(syscall.WaitStatus)
		if status.ExitStatus() == 9 {
			t.Skip("the hard limit of core dumps is 0")
		}
		if !status.Signaled() || status.Signal() != syscall.SIGABRT {
			t.Fatalf("the child ended with %v", state)
		}
		files, err := os.ReadDir(c.Dir)
		if err != nil {
			t.Fatal(err)
		}
		// The pattern may send it elsewhere, or nowhere (core(5)).
		if len(files) == 0 {
			t.Skipf("no core came to the working directory; the status is %v", state)
		}
		if !status.CoreDump() {
			t.Errorf("there is a core, but the status is %v", state)
		}
	}},
	{"TestE2_ThroughAnObserverAfterTheReap", func(t *testing.T, s suite) {
		p := s.begin(t, s.Command("sh", "-c", "exit 7"))
		s.wait(t, p)
		info, err := p.Info()
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrProcessDone) {
			if statusIsTold() {
				t.Fatalf("this kernel should tell: %v", err)
			}
			t.Skipf("needs Linux 6.15: %v", err)
		}
		if !statusIsTold() {
			t.Skipf("PIDFD_GET_INFO is denied to this run: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if status, ok := info.Exit(); !ok || status.ExitStatus() != 7 {
			t.Errorf("the kernel says %#x, %t", status, ok)
		}
	}},

	{"TestE3_ContextGivesUp", func(t *testing.T, s suite) {
		p, e := s.start(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.WaitContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		e.ping(t)
	}},
	{"TestE3_ManyAtOnce", func(t *testing.T, s suite) {
		p, e := s.start(t)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := p.Wait(); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() { <-p.Done() })
		}
		e.say.Close() // the end of its input ends cat
		wg.Wait()
		if state, err := p.Wait(); err != nil || !state.Success() {
			t.Errorf("%v, %v", state, err)
		}
	}},
	{"TestE3_PollOnAnObserver", func(t *testing.T, s suite) {
		p, e := s.start(t)
		observer, err := p.Observer()
		if err != nil {
			t.Fatal(err)
		}
		defer observer.Close()
		fds := []unix.PollFd{{Fd: int32(observer.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); n != 0 || err != nil {
			t.Fatalf("a living child is readable: %d, %v", n, err)
		}
		e.say.Close()
		for {
			n, err := unix.Poll(fds, int(patience.Milliseconds()))
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if n != 1 || err != nil {
				t.Errorf("poll answers %d, %v", n, err)
			}
			break
		}
	}},
	{"TestE3_Stop", func(t *testing.T, s suite) {
		p, e := s.start(t)
		state, err := p.Stop(t.Context(), syscall.SIGTERM)
		if err != nil || state.String() != "signal: terminated" {
			t.Errorf("%v, %v", state, err)
		}
		e.gone(t)
	}},
	{"TestE3_StopKillsWhoDoesNotListen", func(t *testing.T, s suite) {
		e := newEcho(t)
		c := attacker(s.Command, "ignore")
		c.Stdin, c.Stdout, c.Stderr = e.stdin, e.stdout, os.Stderr
		p := s.begin(t, c)
		e.handOver()
		e.ping(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		state, err := p.Stop(ctx, syscall.SIGTERM)
		if err != nil || state.String() != "signal: killed" {
			t.Errorf("%v, %v", state, err)
		}
		e.gone(t)
	}},

	{"TestE4_SomebodyElseWaits", func(t *testing.T, s suite) {
		known, stolen := 0, 0
		rounds := times(20, 6)
		const most = 200
		// On a busy machine the thief may be late again and again. Native has nothing to steal.
		for round := 0; round < rounds; round++ {
			if s.Mechanism == autokill.Tripwire && round == rounds-1 && stolen == 0 {
				rounds = min(rounds+1, most)
			}
			// The exit comes when we say so, and the thief waits by then.
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			c := s.Command("sh", "-c", "read x; exit 7")
			c.Stdin = r
			p := s.begin(t, c)
			r.Close()
			ours := ourChild(t, p.Pid)
			thief := make(chan int)
			go func() {
				for {
					pid, err := unix.Wait4(ours, nil, unix.WALL, nil)
					if !errors.Is(err, unix.EINTR) {
						thief <- pid
						return
					}
				}
			}()
			w.Close()
			if <-thief == ours {
				stolen++
			}
			s.wait(t, p)
			state, err := p.Wait()
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case state.Known() && state.ExitCode() == 7:
				known++
			case state.Known() || state.Success() || state.ExitCode() != -1:
				t.Fatalf("a status was made up: %v", state)
			}
		}
		t.Logf("%d of %d stolen, status known in %d", stolen, rounds, known)
		if s.Mechanism == autokill.Tripwire && stolen == 0 {
			t.Error("the thief never won, so this showed nothing")
		}
		if known < rounds && s.mustTell(model.Asking{Stolen: true}) {
			t.Errorf("only %d of %d are known", known, rounds)
		}
	}},

	{"TestE5_WaitFreesAll", func(t *testing.T, s suite) {
		if err := s.Command("true").Run(); err != nil { // what is opened once is open now
			t.Fatal(err)
		}
		before := testproc.Descriptors()
		for range 10 {
			if err := s.Command("true").Run(); err != nil {
				t.Fatal(err)
			}
		}
		if after := testproc.DescriptorsSoon(before); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	}},
	{"TestE5_GarbageKillsNobody", func(t *testing.T, s suite) { s.staysBound(t, "garbage") }},
	{"TestE5_ReleaseKillsNobody", func(t *testing.T, s suite) { s.staysBound(t, "release") }},
	{"TestE5_ReleasedProcess", func(t *testing.T, s suite) {
		before := testproc.Descriptors()
		p, e := s.start(t)
		if err := p.Release(); err != nil {
			t.Fatal(err)
		}
		_, waited := p.Wait()
		_, observed := p.Observer()
		_, asked := p.Info()
		for what, err := range map[string]error{
			"Wait": waited, "Observer": observed, "Info": asked,
			"Signal": p.Signal(syscall.SIGTERM),
		} {
			if !errors.Is(err, os.ErrInvalid) {
				t.Errorf("%s after Release: %v", what, err)
			}
		}
		if err := errors.Join(p.Release(), p.Close()); err != nil {
			t.Error(err)
		}
		e.after(t, model.Event{Kind: model.Release, Ref: model.TheRef}, model.Closed)
		e.say.Close() // the end of its input ends cat
		s.wait(t, p)
		e.hear.Close()
		if after := testproc.DescriptorsSoon(before); after != before {
			t.Errorf("%d descriptors before, %d after the end", before, after)
		}
	}},
}

// ourChild is the process itself or the one of its ancestors that this process started.
func ourChild(t *testing.T, pid int) int {
	t.Helper()
	for {
		stat, err := testproc.ReadProcess(pid)
		if err != nil || stat.PPID == 0 {
			t.Fatalf("process %d does not descend from us: %v", pid, err)
		}
		if stat.PPID == os.Getpid() {
			return pid
		}
		pid = stat.PPID
	}
}

// statusIsTold says whether the kernel tells the status to who is not the parent
// (PIDFD_GET_INFO since Linux 6.15), unless a filter denies the question: that looks at
// its number before the kernel looks at the descriptor.
func statusIsTold() bool {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, ^uintptr(0), unix.PIDFD_GET_INFO, 0)
	return errno == unix.EBADF && testproc.KernelAtLeast(6, 15)
}

// staysBound is a holder that gives its Process up: the child lives on, and dies with
// the holder.
func (s suite) staysBound(t *testing.T, manner string) {
	t.Helper()
	h := s.hold(t, manner)
	h.tell(t)
	h.expect(t, "done")
	h.after(t, model.Event{Kind: model.Release, Ref: model.TheRef})
	h.kill()
	h.after(t, model.Killed)
}
