//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// sh is a request that runs a shell script with the given output.
func sh(script string, stdout *os.File) *Request {
	return &Request{
		Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/bin:/usr/bin"},
		Files: []int{-1, int(stdout.Fd()), 2},
	}
}

// reap waits for the child and gives its status.
func reap(t *testing.T, c Child) syscall.WaitStatus {
	t.Helper()
	defer unix.Close(c.Pidfd)
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(c.Pid, &status, unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Fatalf("wait4: %v", err)
		}
		return syscall.WaitStatus(status)
	}
}

// output starts the script both ways, by clone3 and by clone(2), and gives what
// it printed to check.
func output(t *testing.T, script string, change func(*Request), check func(t *testing.T, out string, status syscall.WaitStatus)) {
	t.Helper()
	for _, way := range []string{"clone3", "clone"} {
		t.Run(way, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			req := sh(script, w)
			if change != nil {
				change(req)
			}
			c, err := startBy(way, req)
			w.Close()
			if err != nil {
				t.Fatal(err)
			}
			out, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			check(t, string(out), reap(t, c))
		})
	}
}

// startBy is Start with the way of cloning chosen by the test, not by the kernel.
func startBy(way string, r *Request) (Child, error) {
	if way == "clone3" {
		return r.Start()
	}
	v := new(vector)
	all, err := dispositions()
	if err != nil {
		return Child{}, err
	}
	if err := v.compile(r, noGate, all); err != nil {
		return Child{}, err
	}
	pid, errno := v.clone(r)
	if errno != 0 {
		return Child{}, errno
	}
	v.wait(r)
	c := Child{Pid: pid, Pidfd: int(v.call.pidfd)}
	if err := failure(v.tasks); err != nil {
		c.discard()
		return Child{}, err
	}
	return c, nil
}

func TestStart(t *testing.T) {
	output(t, "echo $0 $1; exit 3", func(r *Request) { r.Argv = append(r.Argv, "zero", "one") },
		func(t *testing.T, out string, status syscall.WaitStatus) {
			if out != "zero one\n" || status.ExitStatus() != 3 {
				t.Errorf("got %q and status %#x", out, status)
			}
		})
}

func TestSelfIsThePid(t *testing.T) {
	self := new(Self)
	pid := new(int32)
	output(t, "echo $$", func(r *Request) {
		r.Self = self
		// The vector itself sees its pid in that word while it runs.
		r.Prologue = []Step{{Name: "getpgid", Nr: unix.SYS_GETPGID, Args: [6]Arg{Load(&self.Pid)}, Result: pid}}
	}, func(t *testing.T, out string, _ syscall.WaitStatus) {
		if got := int(*pid); got != unix.Getpgrp() {
			t.Errorf("getpgid(own pid) was %d in the child, want our group %d", got, unix.Getpgrp())
		}
		if self.Pid != 0 {
			t.Errorf("the word is %d after the exec, want 0", self.Pid)
		}
	})
}

// TestMaskAndDispositions: the child takes every signal again, handlers are gone,
// ignored signals stay ignored. A handler that survived into the child would run
// Go code on memory that the two share.
func TestMaskAndDispositions(t *testing.T) {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGUSR1)
	signal.Ignore(syscall.SIGUSR2)
	defer signal.Reset(syscall.SIGUSR1, syscall.SIGUSR2)
	// No shell: dash clears its mask.
	cat := func(r *Request) { r.Path, r.Argv = "/bin/cat", []string{"cat", "/proc/self/status"} }
	output(t, "", cat, func(t *testing.T, out string, _ syscall.WaitStatus) {
		fields := map[string]string{}
		for line := range strings.Lines(out) {
			name, value, _ := strings.Cut(line, ":")
			fields[name] = strings.TrimSpace(value)
		}
		for _, name := range []string{"SigBlk", "SigCgt"} {
			if got := fields[name]; got != "0000000000000000" {
				t.Errorf("%s is %s in the child, want nothing", name, got)
			}
		}
		ignored, err := strconv.ParseUint(fields["SigIgn"], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		// Whoever started us may ignore others.
		if ignored&(1<<(syscall.SIGUSR2-1)) == 0 {
			t.Errorf("SigIgn is %#x in the child, without SIGUSR2", ignored)
		}
	})
}

// TestSignalBeforeExec puts a signal between the restored mask and the exec: it
// must end the child there, and must not be seen by our handler.
func TestSignalBeforeExec(t *testing.T) {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGUSR1)
	defer signal.Stop(ch)
	for _, way := range []string{"clone3", "clone"} {
		self := &Self{}
		req := sh("echo not reached", os.Stderr)
		req.Self = self
		req.Epilogue = []Step{{Name: "kill", Nr: unix.SYS_KILL, Args: [6]Arg{Load(&self.Pid), Int(int(unix.SIGUSR1))}}}
		_, err := startBy(way, req)
		// The signal is pending when the mask is restored: that is the last thing
		// the child does.
		if !errors.Is(err, ErrNotStarted) {
			t.Errorf("%s: got %v, want ErrNotStarted", way, err)
		}
		select {
		case <-ch:
			t.Errorf("%s: the child's signal was delivered to us", way)
		default:
		}
	}
}

func TestFailingStepIsNamed(t *testing.T) {
	tests := []struct {
		change func(*Request)
		want   string
		errno  error
	}{
		{func(r *Request) { r.Path = "/no/such/file" }, "execve /no/such/file: no such file or directory", syscall.ENOENT},
		{func(r *Request) { r.Path = "/" }, "execve /: permission denied", syscall.EACCES},
		{func(r *Request) { r.Dir = "/no/such/dir" }, "chdir /no/such/dir: no such file or directory", syscall.ENOENT},
		{func(r *Request) { r.Files = []int{999999} }, "dup3: bad file descriptor", syscall.EBADF},
		{func(r *Request) { r.Setpgid, r.Pgid = true, -5 }, "setpgid: invalid argument", syscall.EINVAL},
		{
			// The gate stays closed, and the caller knows why.
			func(r *Request) { r.Flags, r.Maps = unix.CLONE_NEWUSER, &IDMaps{UIDs: []IDMap{{0, 0, 0}}} },
			"write /proc/", syscall.EINVAL,
		},
		{
			// The child does not come to the gate, and its reason is the better one.
			func(r *Request) {
				r.Flags, r.Maps = unix.CLONE_NEWUSER, &IDMaps{UIDs: []IDMap{{0, 0, 0}}}
				r.Setpgid, r.Pgid = true, -5
			},
			"setpgid: invalid argument", syscall.EINVAL,
		},
		{func(r *Request) { r.Unshare = unix.CLONE_VM }, "unshare: invalid argument", syscall.EINVAL},
		{
			func(r *Request) {
				r.Prologue = []Step{{Name: "getpid", Nr: unix.SYS_GETPID, Mask: ^uintptr(0), Want: 1 << 30}}
			},
			"getpid: accepted without effect", errors.ErrUnsupported,
		},
	}
	for _, tt := range tests {
		before := openDescriptors(t)
		r := sh("exit", os.Stderr)
		tt.change(r)
		_, err := r.Start()
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !errors.Is(err, tt.errno) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
		if after := openDescriptors(t); after != before {
			t.Errorf("%s: %d descriptors before, %d after", tt.want, before, after)
		}
		if pid, err := unix.Wait4(-1, nil, unix.WALL|unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
			t.Errorf("%s: a child is left: %d, %v", tt.want, pid, err)
		}
	}
}

// TestWantFromMemory: a result is compared with what stands in memory when the step
// runs. Only a child that leads its group has its own pid for a group.
func TestWantFromMemory(t *testing.T) {
	leads := func(r *Request) {
		r.Self = new(Self)
		r.Epilogue = []Step{{Name: "getpgid", Nr: unix.SYS_GETPGID, Mask: ^uintptr(0), Equal: &r.Self.Pid}}
	}
	output(t, "echo lives", func(r *Request) {
		r.Setpgid = true
		leads(r)
	}, func(t *testing.T, out string, _ syscall.WaitStatus) {
		if out != "lives\n" {
			t.Errorf("got %q", out)
		}
	})
	r := sh("exit", os.Stderr)
	leads(r)
	if _, err := r.Start(); err == nil || !strings.HasPrefix(err.Error(), "getpgid: accepted without effect") {
		t.Errorf("a child that does not lead its group: %v", err)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestOnlyWhatWasAskedForIsInherited(t *testing.T) {
	// Without close-on-exec, at a number of its own.
	leak, err := unix.Dup(1)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	output(t, "ls /proc/self/fd", nil, func(t *testing.T, out string, _ syscall.WaitStatus) {
		// ls itself opens the directory, as the lowest free number: 0.
		if got := strings.Fields(out); strings.Join(got, " ") != "0 1 2" {
			t.Errorf("the child has descriptors %q", got)
		}
	})
}

// TestParallel starts from many goroutines while the collector runs and moves
// stacks.
func TestParallel(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				c, err := sh("exit 7", os.Stderr).Start()
				if err != nil {
					t.Error(err)
					return
				}
				if status := reap(t, c); status.ExitStatus() != 7 {
					t.Errorf("status %#x", status)
				}
				runtime.GC()
			}
		})
	}
	wg.Wait()
}

func BenchmarkStart(b *testing.B) {
	r := &Request{Path: "/bin/true", Argv: []string{"true"}, Files: []int{0, 1, 2}}
	b.ReportAllocs()
	for b.Loop() {
		c, err := r.Start()
		if err != nil {
			b.Fatal(err)
		}
		c.discard()
	}
}
