//go:build linux && (amd64 || arm64)

package pidfd

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

// everything asks for all there is.
const everything = ^InfoMask(0)

func TestInfo(t *testing.T) {
	c := hold(t, 0)
	fd := openChild(t, c)
	info, err := fd.Info(InfoExit)
	if !since(t, "6.13", err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if info.Asked != InfoExit {
		t.Errorf("asked for %v", info.Asked)
	}
	ids, ok := info.IDs()
	if want := (IDs{PID: c.Process.Pid, TGID: c.Process.Pid, PPID: os.Getpid()}); !ok || ids != want {
		t.Errorf("ids %+v, %v, want %+v", ids, ok, want)
	}
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	creds, ok := info.Creds()
	if want := (Creds{uid, gid, uid, gid, uid, gid, uid, gid}); !ok || creds != want {
		t.Errorf("creds %+v, %v, want %+v", creds, ok, want)
	}
	if id, ok := info.CgroupID(); ok != (id != 0) {
		t.Errorf("cgroup %d, %v", id, ok)
	}
	if _, ok := info.Exit(); ok {
		t.Error("it runs and has an exit status")
	}
	if _, ok := info.Coredump(); ok {
		t.Error("answered what was not asked for")
	}
}

// What each kernel answers to a question for everything.
func TestInfoSince(t *testing.T) {
	fd := must[*FD](t)(Open(os.Getpid(), 0))
	closeLater(t, fd)
	info, err := fd.Info(everything)
	if !since(t, "6.13", err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	coredump, ok := info.Coredump()
	if ok != testproc.KernelAtLeast(6, 16) {
		t.Errorf("core-dump mask: %v", ok)
	}
	if ok && coredump&(CoredumpUser|CoredumpRoot|CoredumpSkip) == 0 {
		t.Errorf("core-dump mask %v", coredump)
	}
	if _, ok := info.CoredumpSignal(); ok {
		t.Error("a core-dump signal, but no core was dumped")
	}
	if _, ok := info.CoredumpCode(); ok {
		t.Error("a core-dump code, but no core was dumped")
	}
	supported, ok := info.Supported()
	if ok != testproc.KernelAtLeast(6, 19) {
		t.Fatalf("supported mask: %v", ok)
	}
	if !ok {
		return
	}
	want := InfoPID | InfoCreds | InfoCgroupID | InfoExit | InfoCoredump | InfoSupportedMask | InfoCoredumpSignal
	if testproc.KernelAtLeast(7, 1) {
		want |= InfoCoredumpCode
	}
	if supported&(want|InfoCoredumpCode) != want {
		t.Errorf("supported %v, want %v", supported, want)
	}
	if info.Answered&^supported != 0 {
		t.Errorf("answered %v, but supports only %v", info.Answered, supported)
	}
}

func TestInfoEnded(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*child, *FD)
		want syscall.WaitStatus
	}{
		{"exit", func(c *child, _ *FD) { c.end() }, 7 << 8},
		{"killed", func(c *child, fd *FD) { c.kill(fd) }, 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := hold(t, 7)
			fd := openChild(t, c)
			test.end(c, fd)
			if err := fd.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			info, err := fd.Info(InfoExit)
			if !since(t, "6.13", err) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if ws, ok := info.Exit(); ok {
				t.Errorf("a zombie with an exit status: %v", ws)
			}
			if ids, ok := info.IDs(); !ok || ids.PID != c.Process.Pid {
				t.Errorf("a zombie's ids: %v, %v", ids, ok)
			}
			c.reap()
			_, err = fd.Info(0)
			wantErr(t, err, os.ErrProcessDone, syscall.ESRCH)
			info, err = fd.Info(InfoExit)
			if !testproc.KernelAtLeast(6, 15) {
				wantErr(t, err, os.ErrProcessDone, syscall.ESRCH)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if ws, ok := info.Exit(); !ok || ws != test.want {
				t.Errorf("exit %#x, %v, want %#x", uint32(ws), ok, uint32(test.want))
			}
			if _, ok := info.IDs(); ok {
				t.Error("ids of a process that is gone")
			}
		})
	}
}

// A process whose leader has ended goes on, and its status is the process'.
func TestLeaderFirst(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	c := start(t, leaderFirst, leaderFirst)
	fd := openChild(t, c)
	if at := must[stage](t)(fd.stage()); at != running {
		t.Errorf("only the leader has ended, but it says stage %d", at)
	}
	if leader, err := Open(c.Process.Pid, Thread); since(t, "6.9", err) {
		at := must[stage](t)(leader.stage())
		if at != running && testproc.KernelAtLeast(6, 15) {
			t.Errorf("the leader's own descriptor is at stage %d", at)
		}
		closeNow(t, leader)
	}
	c.end()
	if err := fd.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	exit, done, err := fd.Reap()
	if err != nil || !done || exit.Status.ExitStatus() != 3 {
		t.Fatalf("reaped %v, %v, %v", exit.Status, done, err)
	}
	if !testproc.KernelAtLeast(6, 15) {
		return
	}
	info := must[Info](t)(fd.Info(InfoExit))
	ws, ok := info.Exit()
	if !ok || ws != exit.Status {
		t.Errorf("exit %#x, %v; the parent saw %#x", uint32(ws), ok, uint32(exit.Status))
	}
}

func TestInfoCoredump(t *testing.T) {
	if !testproc.KernelAtLeast(6, 16) {
		t.Skip("needs Linux 6.16: core-dump information")
	}
	c := command(t, "sh", "-c", "ulimit -c unlimited 2>/dev/null; echo ready; exec cat")
	c.Dir = t.TempDir()
	out := must[io.ReadCloser](t)(c.StdoutPipe())
	c.run()
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	fd := openChild(t, c)
	if err := fd.Signal(syscall.SIGABRT, ToReferent); err != nil {
		t.Fatal(err)
	}
	if err := fd.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	exit, _, err := fd.Reap()
	if err != nil || exit.Status.Signal() != syscall.SIGABRT {
		t.Fatalf("reaped %#x, %v", uint32(exit.Status), err)
	}
	info := must[Info](t)(fd.Info(everything))
	if ws, ok := info.Exit(); !ok || ws != exit.Status {
		t.Errorf("exit %#x, %v, want %#x", uint32(ws), ok, uint32(exit.Status))
	}
	// The kernel keeps a record only of what it hands to a socket or to a
	// helper with a pidfd (core_pattern), so there may be none.
	mask, recorded := info.Coredump()
	if recorded && mask&Coredumped == 0 {
		t.Errorf("gone, and still one would be dumped as %v", mask)
	}
	sig, ok := info.CoredumpSignal()
	if ok != (recorded && testproc.KernelAtLeast(6, 19)) || ok && sig != syscall.SIGABRT {
		t.Errorf("core-dump signal %v, %v", sig, ok)
	}
	code, ok := info.CoredumpCode()
	if ok != (recorded && testproc.KernelAtLeast(7, 1)) || ok && code != 0 { // SI_USER
		t.Errorf("core-dump code %d, %v", code, ok)
	}
}

// Whoever asks for the exit status while the child is being reaped gets an
// answer: it runs, or it ended in this way. Never an error, never nothing.
func TestInfoReapRace(t *testing.T) {
	if !testproc.KernelAtLeast(6, 15) {
		t.Skip("needs Linux 6.15: exit information")
	}
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	for range rounds {
		c := command(t, "cat")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		fd := openChild(t, c)
		var done sync.WaitGroup
		for range 2 {
			done.Go(func() {
				for {
					info, err := fd.Info(InfoExit)
					if err != nil {
						t.Error(err)
						return
					}
					if ws, ok := info.Exit(); ok {
						if ws != 0 {
							t.Errorf("exit %#x", uint32(ws))
						}
						return
					}
					if _, ok := info.IDs(); !ok {
						t.Errorf("neither ids nor exit status: %v", info.Answered)
						return
					}
				}
			})
		}
		c.end()
		c.reap()
		done.Wait()
		closeNow(t, fd)
	}
}

func TestInfoForeign(t *testing.T) {
	init, err := Open(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, init)
	info, err := init.Info(0)
	if !since(t, "6.13", err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if ids, ok := info.IDs(); !ok || ids.PID != 1 {
		t.Errorf("ids %v, %v", ids, ok)
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct{ have, want string }{
		{InfoMask(0).String(), "0"},
		{(InfoPID | InfoExit).String(), "PIDFD_INFO_PID|PIDFD_INFO_EXIT"},
		{(InfoPID | 1<<40).String(), "PIDFD_INFO_PID|0x10000000000"},
		{(Coredumped | CoredumpRoot).String(), "PIDFD_COREDUMPED|PIDFD_COREDUMP_ROOT"},
		{(ClonePIDFD | ClonePIDFDAutokill).String(), "CLONE_PIDFD|CLONE_PIDFD_AUTOKILL"},
		{CloneFlags(1 << 50).String(), "0x4000000000000"},
		{NetNamespace.String(), "net"},
		{Namespace(0).String(), "Namespace(0)"},
		{Namespace(99).String(), "Namespace(99)"},
	} {
		if test.have != test.want {
			t.Errorf("have %q, want %q", test.have, test.want)
		}
	}
}

// An error never loses its errno, and names its call.
func TestErrors(t *testing.T) {
	for _, err := range []error{
		gone("call", syscall.ESRCH),
		lacking("call", "it", "6.9", syscall.EINVAL),
		because("call", "reason", syscall.EBADF),
	} {
		var errno syscall.Errno
		if !errors.As(err, &errno) || !strings.HasPrefix(err.Error(), "call: ") {
			t.Errorf("%v", err)
		}
	}
}
