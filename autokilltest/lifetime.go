//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

var lifetime = []clause{
	{"TestL1_CloseKills", func(t *testing.T, s suite) {
		p, e := s.start(t)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		e.after(t, model.Closed)
		killed(t, p)
	}},
	{"TestL1_KernelKillsWithoutUserSpace", func(t *testing.T, s suite) {
		// A stopped process runs nothing any more, and SIGKILL lets it run nothing.
		h := s.hold(t, "kill")
		stop(t, h.cmd.Process.Pid)
		h.after(t) // nothing has happened
		h.kill()
		h.after(t, model.Killed)
	}},
	{"TestL1_TracedAtTheEnd", tracedAtTheEnd},
	{"TestL1_TracedByItsHolder", tracedByItsHolder},

	{"TestL2_Close", func(t *testing.T, s suite) {
		h := s.hold(t, "close")
		h.tell(t)
		h.expect(t, "done")
		h.after(t, model.Closed)
	}},
	{"TestL2_Exit", func(t *testing.T, s suite) { s.ends(t, "exit", model.Killed) }},
	{"TestL2_Panic", func(t *testing.T, s suite) { s.ends(t, "panic", model.Killed) }},
	{"TestL2_Exec", func(t *testing.T, s suite) { s.ends(t, "exec", model.Becomes) }},
	{"TestL2_SIGKILL", func(t *testing.T, s suite) {
		h := s.hold(t, "kill")
		h.kill()
		h.after(t, model.Killed)
	}},
	{"TestL2_OOMKiller", oomKiller},

	{"TestL3_Dup", func(t *testing.T, s suite) {
		s.twoReferences(t, "dup", model.Copied, model.Event{Kind: model.Drop, Ref: model.TheOther})
	}},
	{"TestL3_InFlight", func(t *testing.T, s suite) {
		s.twoReferences(t, "flight", model.Sent, model.Gone)
	}},
	{"TestL3_InheritedThroughExec", func(t *testing.T, s suite) {
		h := s.hold(t, "inherit")
		h.tell(t)
		h.becomesCat(t)
		h.after(t, model.Event{Kind: model.Inherit, Ref: model.TheRef}, model.Becomes)
		h.kill()
		h.after(t, model.Killed)
	}},
	{"TestL3_Fork", func(t *testing.T, s suite) {
		h := s.hold(t, "fork")
		h.tell(t)
		if err := h.cmd.Process.Release(); err != nil {
			t.Fatal(err)
		}
		h.becomesCat(t) // the holder's child answers now, the holder is gone
		const forked = 100
		h.after(t, model.Event{Kind: model.Fork, Holder: model.TheHolder, New: forked}, model.Killed)
		h.stdin.Close()
		h.after(t, model.Event{Kind: model.Kill, Holder: forked})
	}},
	{"TestL3_PidfdGetfd", func(t *testing.T, s suite) {
		h := s.hold(t, "send")
		pidfd, err := unix.PidfdOpen(h.cmd.Process.Pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pidfd)
		ours, err := unix.PidfdGetfd(pidfd, h.handle, 0)
		if errors.Is(err, unix.EPERM) {
			t.Skipf("pidfd_getfd is not allowed here (ptrace_scope, or a sandbox): %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		h.kill()
		h.after(t, model.Copied, model.Killed)
		unix.Close(ours)
		h.after(t, model.Event{Kind: model.Drop, Ref: model.TheOther})
	}},

	{"TestL4_Observers", func(t *testing.T, s suite) {
		h := s.hold(t, "observe")
		observer, err := unix.PidfdOpen(h.child, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(observer)
		h.tell(t)
		h.expect(t, "done")
		h.after(t, model.Observed, model.Lost)
	}},
	{"TestL4_ClosingAnObserverKillsNobody", func(t *testing.T, s suite) {
		p, e := s.start(t)
		observer, err := p.Observer()
		if err != nil {
			t.Fatal(err)
		}
		if err := observer.Close(); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdOpen(p.Pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		e.after(t, model.Observed)
	}},

	{"TestL5_ThreadEnds", func(t *testing.T, s suite) {
		e := newEcho(t)
		c := s.Command("cat")
		c.Stdin, c.Stdout = e.stdin, e.stdout
		tid, err := onEndingThread(c.Start)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			c.Process.Close()
			s.wait(t, c.Process)
		}()
		e.handOver()
		s.bind(t, e)
		threadEnds(t, tid)
		e.after(t, model.Event{Kind: model.Thread, Holder: model.TheHolder})
	}},
	{"TestL5_HandleOutlivesTheParent", func(t *testing.T, s suite) {
		h := s.hold(t, "send")
		h.tell(t)
		h.expect(t, "done")
		handle := receive(t, h.socket)
		h.kill()
		h.after(t, model.Copied, model.Killed)
		handle.Close()
		h.after(t, model.Event{Kind: model.Drop, Ref: model.TheOther})
	}},

	{"TestL7_KillAtAnyMoment", killAtAnyMoment},

	{"TestL8_CloseAfterTheEnd", closeAfterTheEnd},

	{"TestL9_HandleIsCloseOnExec", func(t *testing.T, s suite) {
		h := s.hold(t, "kill")
		info, err := os.ReadFile(fmt.Sprintf("%s/%d/fdinfo/%d", testproc.Proc(), h.cmd.Process.Pid, h.handle))
		if err != nil {
			t.Fatal(err)
		}
		if flags := flagsOf(string(info)); flags&unix.O_CLOEXEC == 0 {
			t.Errorf("the handle has flags %#o, without O_CLOEXEC", flags)
		}
	}},
	{"TestL9_OnlyWhatWasAskedFor", func(t *testing.T, s suite) {
		s.start(t) // its handle must not show up below
		leak, err := unix.Dup(2)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(leak)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		// With a command after it, ls is a process of its own: what it opens does not
		// show.
		c := s.Command("sh", "-c", "if [ -d /proc/$$ ]; then ls /proc/$$/fd; else ls "+testproc.Proc()+"/$$/fd; fi; true")
		c.Stdout = w
		c.ExtraFiles = []*os.File{nil, w}
		p := s.begin(t, c)
		w.Close()
		out := readAll(t, r)
		if state, err := p.Wait(); err != nil || !state.Success() {
			t.Fatalf("%v, %v", state, err)
		}
		got := strings.Fields(out)
		slices.Sort(got)
		if want := []string{"0", "1", "2", "4"}; !slices.Equal(got, want) {
			t.Errorf("the child has descriptors %q, want %q", got, want)
		}
	}},
}

// ends is a holder that ends by itself.
func (s suite) ends(t *testing.T, manner string, event model.Event) {
	t.Helper()
	h := s.hold(t, manner)
	h.tell(t)
	h.after(t, event)
}

// twoReferences makes another reference and drops the first, and then the second.
func (s suite) twoReferences(t *testing.T, manner string, second, last model.Event) {
	t.Helper()
	h := s.hold(t, manner)
	h.tell(t)
	h.expect(t, "done")
	h.after(t, second, model.Lost)
	h.tell(t)
	h.expect(t, "done")
	h.after(t, last)
}

// becomesCat waits until cat answers on the holder's standard streams.
func (h *held) becomesCat(t *testing.T) {
	t.Helper()
	if _, err := h.stdin.Write([]byte("cat?\n")); err != nil {
		t.Fatal(err)
	}
	h.expect(t, "cat?")
}

func stop(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

func flagsOf(fdinfo string) int64 {
	for line := range strings.Lines(fdinfo) {
		if rest, ok := strings.CutPrefix(line, "flags:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(rest), 8, 64)
			return n
		}
	}
	return 0
}

// onEndingThread calls from a thread that ends then: a goroutine that stays locked to
// its thread takes it along. Only the first thread of a program does not end.
func onEndingThread(call func() error) (tid int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if tid = unix.Gettid(); tid == os.Getpid() {
			tid, err = onEndingThread(call) // while we are on the first, that is another
			runtime.UnlockOSThread()
			return
		}
		err = call()
	}()
	<-done
	return tid, err
}

// threadEnds waits until the kernel knows the thread no more.
func threadEnds(t *testing.T, tid int) {
	t.Helper()
	eventually(t, fmt.Sprintf("the end of thread %d", tid), func() bool {
		return errors.Is(unix.Tgkill(os.Getpid(), tid, 0), unix.ESRCH)
	})
}

func receive(t *testing.T, socket *os.File) *os.File {
	t.Helper()
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d control messages, %v", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("descriptors %v, %v", fds, err)
	}
	return os.NewFile(uintptr(fds[0]), "handle")
}

// closeAfterTheEnd closes a handle whose child has ended while another child has
// the same pid, where we may choose pids (ns_last_pid), or just any other.
func closeAfterTheEnd(t *testing.T, s suite) {
	c := s.Command("true")
	first := s.begin(t, c)
	s.wait(t, first)
	var second *autokill.Process
	var e *echo
	for range 20 {
		if err := os.WriteFile(filepath.Join(testproc.Proc(), "sys/kernel/ns_last_pid"), []byte(strconv.Itoa(first.Pid-1)), 0); err != nil {
			break
		}
		second, e = s.start(t)
		if second.Pid == first.Pid {
			break
		}
	}
	if second == nil {
		second, e = s.start(t)
	}
	defer func() {
		if second.Pid != first.Pid {
			t.Skipf("done with another pid (%d and %d): the same one takes a writable ns_last_pid", first.Pid, second.Pid)
		}
	}()
	for range 3 {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := first.Kill(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Kill after the end: %v", err)
	}
	if err := first.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Signal after the end: %v", err)
	}
	e.ping(t)
}
