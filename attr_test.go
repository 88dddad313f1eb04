//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// script runs a shell script with changes to the Cmd and gives what it printed.
func script(t *testing.T, text string, change func(*autokill.Cmd)) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := autokill.Command("/bin/sh", "-c", text)
	c.Stdout, c.Stderr = w, w
	if change != nil {
		change(c)
	}
	err = c.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Process.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// stat are the fields of /proc/self/stat from the state on (proc(5)): parent is
// 1, process group 2, session 3.
const stat = `read line </proc/self/stat; set -- ${line##*) }; `

// spaces folds the columns of a file in /proc.
const spaces = ` | tr -s ' \t' ' ' | sed 's/^ //'`

func TestAttributes(t *testing.T) {
	uid, gid := os.Geteuid(), os.Getegid()
	self := []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
	group := []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	many := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65535}}
	const user = unix.CLONE_NEWUSER
	for _, tt := range []struct {
		name   string
		script string
		sys    syscall.SysProcAttr
		want   string
		root   bool
	}{
		{"Setsid", stat + `[ $4 = $$ ] && echo leader`, syscall.SysProcAttr{Setsid: true}, "leader", false},
		{"Setpgid", stat + `[ $3 = $$ ] && [ $4 != $$ ] && echo group`, syscall.SysProcAttr{Setpgid: true}, "group", false},
		{"Pgid", stat + `echo $3`, syscall.SysProcAttr{Setpgid: true, Pgid: unix.Getpgrp()}, fmt.Sprint(unix.Getpgrp()), false},
		{
			"Credential", `id -u; id -g; id -G`,
			syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1234, Gid: 2345, Groups: []uint32{2345, 77}}},
			"1234\n2345\n2345 77", true,
		},
		{
			"Credential without groups", `grep Groups: /proc/self/status` + spaces,
			syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1234, Gid: 2345}},
			"Groups:", true,
		},
		{
			"NoSetGroups", `grep Groups: /proc/self/status` + spaces,
			syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1234, Gid: 2345, NoSetGroups: true}},
			strings.TrimSpace("Groups: " + join(groups(t))), true,
		},

		{"Cloneflags", `hostname inside && hostname`, syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUTS}, "inside", true},
		{"Cloneflags of no effect", `echo here`, syscall.SysProcAttr{Cloneflags: unix.CLONE_VFORK | unix.CLONE_VM | unix.CLONE_IO}, "here", false},
		{"Unshareflags", `hostname inside && hostname`, syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWUTS}, "inside", true},
		{
			"Unshareflags, mounts are private", `grep shared: /proc/self/mountinfo || echo private`,
			syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS},
			"private", true,
		},
		{
			"Unshareflags, a PID namespace for its children", `[ $$ != 1 ] && sh -c 'echo $$'; true`,
			syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWPID},
			"1", true,
		},

		{
			"UidMappings and GidMappings", `id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups` + spaces,
			syscall.SysProcAttr{Cloneflags: user, UidMappings: self, GidMappings: group},
			fmt.Sprintf("0\n0\n0 %d 1\n0 %d 1\ndeny", uid, gid), false,
		},
		{
			"UidMappings and GidMappings by Unshareflags", `id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups` + spaces,
			syscall.SysProcAttr{Unshareflags: user | unix.CLONE_NEWUTS, UidMappings: self, GidMappings: group},
			fmt.Sprintf("0\n0\n0 %d 1\n0 %d 1\ndeny", uid, gid), false,
		},
		{
			"a namespace of one's own with another in it", `hostname inside && hostname`,
			syscall.SysProcAttr{Unshareflags: user | unix.CLONE_NEWUTS, UidMappings: self, GidMappings: group},
			"inside", false,
		},
		{
			"GidMappingsEnableSetgroups and a Credential inside", `id -u; id -g; id -G; cat /proc/self/setgroups`,
			syscall.SysProcAttr{
				Cloneflags: user, UidMappings: many, GidMappings: many, GidMappingsEnableSetgroups: true,
				Credential: &syscall.Credential{Uid: 7, Gid: 8, Groups: []uint32{9}},
			},
			"7\n8\n8 9\nallow", true,
		},
		{
			"a Credential where setgroups is denied", `id -u; cat /proc/self/setgroups`,
			syscall.SysProcAttr{Cloneflags: user, UidMappings: self, GidMappings: group, Credential: &syscall.Credential{}},
			"0\ndeny", false,
		},

		{
			"AmbientCaps", `grep CapAmb /proc/self/status` + spaces,
			syscall.SysProcAttr{AmbientCaps: []uintptr{unix.CAP_NET_RAW, unix.CAP_SYS_TIME}},
			"CapAmb: 0000000002002000", true,
		},
		{
			"AmbientCaps of another user", `id -u; grep CapEff /proc/self/status` + spaces,
			syscall.SysProcAttr{
				Credential:  &syscall.Credential{Uid: 1234, Gid: 2345},
				AmbientCaps: []uintptr{unix.CAP_NET_RAW, unix.CAP_SYS_TIME},
			},
			"1234\nCapEff: 0000000002002000", true,
		},
		{
			"AmbientCaps in a user namespace", `grep CapAmb /proc/self/status` + spaces,
			syscall.SysProcAttr{Cloneflags: user, UidMappings: self, GidMappings: group, AmbientCaps: []uintptr{unix.CAP_NET_RAW}},
			"CapAmb: 0000000000002000", false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			if got := script(t, tt.script, func(c *autokill.Cmd) { c.SysProcAttr = &tt.sys }); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func groups(t *testing.T) []int {
	t.Helper()
	all, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func join(numbers []int) string { return strings.Trim(fmt.Sprint(numbers), "[]") }

const pdeathsigRole = "pdeathsig"

// The signal belongs to the first thread of a program, and a goroutine that is not locked
// to that from the beginning may be on another one by the time it asks.
func init() {
	if testproc.Plays(pdeathsigRole) {
		runtime.LockOSThread()
	}
}

// ownPdeathsig is where Prctl is told to write. Its number would not keep a variable on
// the stack in its place.
var ownPdeathsig int32

func pdeathsig([]string) int {
	if err := unix.Prctl(unix.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&ownPdeathsig)), 0, 0, 0); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(unix.SignalName(unix.Signal(ownPdeathsig)))
	return 0
}

// TestPdeathsig: what the kernel has for it after the exec, also where the ids have
// changed, which clears it.
func TestPdeathsig(t *testing.T) {
	runtime.LockOSThread() // it is the thread that the child outlives or not
	defer runtime.UnlockOSThread()
	for _, credential := range []*syscall.Credential{nil, {Uid: 1234, Gid: 2345}} {
		if credential != nil && os.Geteuid() != 0 {
			t.Skip("another user needs root")
		}
		c := autokill.Command(testproc.Exe)
		c.Env = testproc.RoleEnv(pdeathsigRole)
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGUSR2, Credential: credential}
		out, err := c.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != "SIGUSR2" {
			t.Errorf("%+v: got %q, %v", credential, got, err)
		}
	}
}

// TestPtrace: the child stops at its exec, and this thread is its tracer.
func TestPtrace(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := autokill.Command("/bin/sh", "-c", "exit 7")
	c.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Close()
	var status unix.WaitStatus
	if _, err := unix.Wait4(c.Process.Pid, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	if !status.Stopped() || status.StopSignal() != unix.SIGTRAP {
		t.Fatalf("status %#x, want a stop by SIGTRAP", status)
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(c.Process.Pid, &regs); err != nil {
		t.Errorf("this thread is not the tracer: %v", err)
	}
	if err := unix.PtraceDetach(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != 7 {
		t.Errorf("%v", err)
	}
}

// TestPtraceIsBound: a traced child dies of the end of its handle while it is stopped.
func TestPtraceIsBound(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := autokill.Command("/bin/sleep", "1000")
	c.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if got := c.Process.Mechanism(); got != autokill.Tripwire {
		t.Errorf("%v is in force", got)
	}
	c.Process.Close()
	if err := c.Wait(); err == nil || c.ProcessState.String() != "signal: killed" {
		t.Errorf("%v", err)
	}
}

// TestCgroupFD starts a child in a cgroup of its own.
func TestCgroupFD(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if testproc.Denied() != "" {
		t.Skip("needs clone3")
	}
	mount := t.TempDir()
	if err := unix.Mount("cgroup2", mount, "cgroup2", 0, ""); err != nil {
		t.Skipf("no cgroup2 can be mounted here: %v", err)
	}
	defer func() {
		if err := unix.Unmount(mount, 0); err != nil {
			t.Error(err)
		}
	}()
	dir, err := os.MkdirTemp(mount, "autokill-test-")
	if err != nil {
		t.Skipf("no cgroup can be made here: %v", err)
	}
	defer func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	}()
	group, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	got := script(t, `cat /proc/self/cgroup`, func(c *autokill.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	})
	if !strings.Contains(got, "/"+filepath.Base(dir)) {
		t.Errorf("the child is in %q, want %s", got, filepath.Base(dir))
	}
}

// TestChroot: the path of the program is inside the new root.
func TestChroot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	err := (&autokill.Cmd{Path: "/no-such-program", SysProcAttr: &syscall.SysProcAttr{Chroot: t.TempDir()}}).Run()
	if !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), "execve /no-such-program") {
		t.Errorf("got %v", err)
	}
	if got := script(t, "echo here", func(c *autokill.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Chroot: "/"} }); got != "here" {
		t.Errorf("got %q", got)
	}
}

// TestCredentialLeavesTheParentDumpable: the uid changes on memory that is ours.
func TestCredentialLeavesTheParentDumpable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dumpable := func() int {
		n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := dumpable()
	script(t, "true", func(c *autokill.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1, Gid: 1}}
	})
	if after := dumpable(); after != before {
		t.Errorf("PR_GET_DUMPABLE was %d and is %d", before, after)
	}
}

func TestPidFD(t *testing.T) {
	fd := -1
	c := autokill.Command("true")
	c.SysProcAttr = &syscall.SysProcAttr{PidFD: &fd}
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if fd < 0 {
		t.Fatal("PidFD was not set")
	}
	if err := unix.PidfdSendSignal(fd, 0, nil, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the pidfd of a reaped child answers %v", err)
	}
	if err := unix.Close(fd); err != nil {
		t.Error(err)
	}
}

func TestDirAndEnv(t *testing.T) {
	dir := t.TempDir()
	got := script(t, `echo "$PWD $A"; pwd`, func(c *autokill.Cmd) {
		c.Dir = dir
		c.Env = []string{"A=first", "A=last"}
	})
	if want := dir + " last\n" + dir; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNofileAsWithOSExec compares with the limit that os/exec gives.
func TestNofileAsWithOSExec(t *testing.T) {
	out, err := exec.Command("/bin/sh", "-c", "ulimit -S -n; ulimit -H -n").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := script(t, "ulimit -S -n; ulimit -H -n", nil), strings.TrimSpace(string(out)); got != want {
		t.Errorf("RLIMIT_NOFILE of the child is %q, with os/exec %q", got, want)
	}
}
