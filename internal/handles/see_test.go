//go:build linux && (amd64 || arm64)

package handles_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/handles"
	"github.com/autokill/autokill/internal/testproc"
)

func TestSee(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		begin := time.Now()
		p := w.start(t)
		h := the(t, see(t), p.Pid)
		// Of a start the kernel knows the tick, rounded down.
		atMost := time.Since(begin) + 20*time.Millisecond
		if h.Mechanism != w.mechanism.String() || h.Scope != w.scope.String() || h.Ended {
			t.Errorf("%+v", h)
		}
		if h.Age == nil || *h.Age > atMost {
			t.Errorf("%v old, want at most %v", h.Age, atMost)
		}
		if want := (handles.Process{PID: p.Pid, UID: os.Getuid(), Command: "sleep 1000"}); *h.Child != want {
			t.Errorf("the child is %+v, want %+v", *h.Child, want)
		}
		if len(h.Holders) != 1 || h.Holders[0].PID != os.Getpid() || h.Holders[0].UID != os.Getuid() ||
			h.Holders[0].Command != strings.Join(os.Args, " ") {
			t.Errorf("held by %+v", h.Holders)
		}
		fd := h.Holders[0].Descriptors[0]
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("fdinfo of the handle:\n%s", text)

		second, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		numbers := []int{fd, second}
		slices.Sort(numbers)
		if h := the(t, see(t), p.Pid); len(h.Holders) != 1 || !slices.Equal(h.Holders[0].Descriptors, numbers) {
			t.Errorf("duplicated: held by %+v, want the numbers %v", h.Holders, numbers)
		}
		if err := unix.Close(second); err != nil {
			t.Fatal(err)
		}
		p.Close()
		<-p.Done()
		if all := of(see(t), p.Pid); len(all) > 0 {
			t.Errorf("closed: %+v", all)
		}
	})
	for _, f := range see(t).Flights {
		if f.Holders[0].PID == os.Getpid() {
			t.Errorf("in flight: %+v", f)
		}
	}
}

// TestEnded: a handle can be there longer than the child.
func TestEnded(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := w.command("true")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Process.Close()
		<-c.Process.Done()
		for _, h := range see(t).Handles {
			if len(h.Holders) == 1 && h.Holders[0].PID == os.Getpid() {
				if !h.Ended {
					t.Errorf("%+v has not ended", h)
				}
				if h.Child != nil && h.Child.Command != "" && w.scope != autokill.ScopePIDNamespace {
					t.Errorf("%+v is somebody else", h.Child)
				}
				return
			}
		}
		t.Error("the handle is not seen")
	})
}

// TestHolders: another process has inherited the handle, and is the only holder in
// the end.
func TestHolders(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		p := w.start(t)
		fd := ours(t, p.Pid)
		var heirs []*exec.Cmd
		for range 5 {
			copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			file := os.NewFile(uintptr(copied), "handle")
			heir := exec.Command("cat")
			heir.ExtraFiles = []*os.File{file, file}
			startOther(t, heir)
			file.Close()
			heirs = append(heirs, heir)
		}
		h := the(t, see(t), p.Pid)
		if len(h.Holders) != 6 {
			t.Fatalf("held by %+v, want 6", h.Holders)
		}
		drop(t, fd)
		h = the(t, see(t), p.Pid)
		for _, heir := range heirs {
			if !slices.ContainsFunc(h.Holders, func(holder handles.Holder) bool {
				return holder.PID == heir.Process.Pid && holder.Command == "cat" && slices.Equal(holder.Descriptors, []int{3, 4})
			}) {
				t.Errorf("held by %+v, and not by %d", h.Holders, heir.Process.Pid)
			}
		}
		if len(h.Holders) != 5 {
			t.Errorf("held by %+v, want 5", h.Holders)
		}
		for _, heir := range heirs {
			if err := heir.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		<-p.Done()
	})
}

// TestInFlight: nobody has the handle among its descriptors. Of a native one there is
// nothing to see but that something is in flight.
func TestInFlight(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		p := w.start(t)
		fd := ours(t, p.Pid)
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(fd), nil, 0); err != nil {
			t.Fatal(err)
		}
		drop(t, fd)
		s := see(t)
		all := of(s, p.Pid)
		if w.mechanism == autokill.Native {
			if len(all) > 0 {
				t.Errorf("in flight: %+v", all)
			}
		} else if len(all) != 1 || len(all[0].Holders) != 0 || all[0].Ended {
			t.Errorf("in flight: %+v", all)
		}
		if !slices.ContainsFunc(s.Flights, func(f handles.Flight) bool {
			return f.Descriptors == 1 && len(f.Holders) == 1 && f.Holders[0].PID == os.Getpid() &&
				slices.Equal(f.Holders[0].Descriptors, []int{pair[1]})
		}) {
			t.Errorf("in the queue of %d there is a handle: %+v", pair[1], s.Flights)
		}
		for _, end := range pair {
			if err := unix.Close(end); err != nil {
				t.Fatal(err)
			}
		}
		<-p.Done()
	})
}

// TestUnnamed: a socket that holds what a parcel holds, and does not say for whom.
func TestUnnamed(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	err = unix.Sendmsg(pair[1], []byte{0}, unix.UnixRights(0, 0, 0, 0, 0), nil, 0)
	if err := errors.Join(err, unix.Close(pair[1])); err != nil {
		t.Fatal(err)
	}
	for _, h := range see(t).Handles {
		if len(h.Holders) == 1 && h.Holders[0].PID == os.Getpid() {
			if h.Mechanism != handles.Tripwire || h.Child != nil || h.Scope != "" || h.Ended || h.Age != nil {
				t.Errorf("%+v", h)
			}
			return
		}
	}
	t.Error("it is not seen")
}

// TestLedger: what doc.go says of kernels.
func TestLedger(t *testing.T) {
	text, err := os.ReadFile("/proc/self/fdinfo/0")
	if err != nil {
		t.Fatal(err)
	}
	if has, should := strings.Contains(string(text), "\nino:"), testproc.KernelAtLeast(5, 14); has != should {
		t.Errorf("ino in fdinfo is claimed since 5.14; this kernel has it: %t", has)
	}
}

// TestFromOutside: a holder in a container of an ordinary user. The numbers of processes
// are those out here.
func TestFromOutside(t *testing.T) {
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 {
		uid, gid = nobody, nobody
	}
	eachWay(t, func(t *testing.T, w way) {
		if w.scope == autokill.ScopePIDNamespace {
			t.Skip("a user namespace in a user namespace: TestContractElsewhere goes there")
		}
		c := testproc.Command(holderRole, w.String())
		c.Env = testproc.Denying(c.Env, "own /proc")
		c.Dir = "/"
		c.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}},
			Credential:  &syscall.Credential{NoSetGroups: true},
		}
		holder := startOther(t, c)
		inside := holder.line(t)
		var child int
		for _, p := range testproc.Children(holder.Process.Pid) {
			child = p.PID
		}
		if child == 0 || fmt.Sprint(child) == inside {
			t.Fatalf("inside it is %s, outside %d", inside, child)
		}
		h := the(t, see(t), child)
		if h.Mechanism != w.mechanism.String() || h.Scope != w.scope.String() || h.Child.Command != "sleep 1000" ||
			len(h.Holders) != 1 || h.Holders[0].PID != holder.Process.Pid {
			t.Errorf("%+v", h)
		}
	})
}

// TestWithoutProc: what cannot be seen is refused and not empty.
func TestWithoutProc(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts over /proc")
	}
	tests := []struct {
		name, place, says string
		flags             uintptr
	}{
		{"no /proc", "no /proc", "looker: /proc is not mounted", syscall.CLONE_NEWNS},
		{"another's", "", "looker: /proc is that of another PID namespace", syscall.CLONE_NEWPID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := testproc.Command(lookerRole)
			c.Path = filepath.Join("/proc", fmt.Sprint(os.Getpid()), "exe")
			if tt.place != "" {
				c.Env = testproc.Denying(c.Env, tt.place)
			}
			c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: tt.flags}
			c.Stdin, c.Stderr = strings.NewReader("\n"), nil
			out, err := c.CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.says) {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

// TestStopped: who looks keeps nobody alive, wherever it is stopped.
func TestStopped(t *testing.T) {
	c := testproc.Command(starerRole)
	// Alone in its process group: if that becomes an orphan, the kernel sends SIGHUP to all
	// in it, for the sake of who is stopped.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	looker := startOther(t, c)
	if said := looker.line(t); said != "looking" {
		t.Fatalf("the looker said %q", said)
	}
	signal := func(t *testing.T, sig syscall.Signal, state string) {
		t.Helper()
		if err := looker.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(testproc.Patience)
		for {
			stopped := true
			for _, thread := range testproc.Threads(looker.Process.Pid) {
				stopped = stopped && thread.State == "T"
			}
			if stopped == (state == "T") {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("not all threads of the looker are in state %q", state)
			}
			time.Sleep(time.Millisecond)
		}
	}
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	eachWay(t, func(t *testing.T, w way) {
		for range rounds {
			p := w.start(t)
			fd := ours(t, p.Pid)
			signal(t, syscall.SIGSTOP, "T")
			drop(t, fd)
			select {
			case <-p.Done():
			case <-time.After(testproc.Patience):
				t.Fatal("the child lives while the looker is stopped")
			}
			signal(t, syscall.SIGCONT, "")
		}
	})
}
