//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// sealedRole tries everything that a tree answers in its own way, and prints what came
// of it.
const sealedRole = "sealed"

// sealed are the clauses of a tree alone.
var sealed = []clause{
	{"TestB1_WhatATreeAnswers", func(t *testing.T, s suite) { s.sealAnswers(t, "here") }},
	{"TestB1_WhatATreeAnswersInAUserNamespace", func(t *testing.T, s suite) { s.sealAnswers(t, "user namespace") }},
	{"TestB1_WhatATreeAnswersToOtherABIs", otherABI},
	{"TestR5_TreeInAnotherGroup", func(t *testing.T, s suite) {
		s.refuses(t, func(c *autokill.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: os.Getpid()}
		}, syscall.EINVAL, "SysProcAttr.Pgid")
	}},
	{"TestB1_SessionsAndGroupsOfTheChild", func(t *testing.T, s suite) {
		for _, tt := range []struct {
			name    string
			sys     *syscall.SysProcAttr
			session bool
		}{
			{"as it is", nil, false},
			{"Setpgid", &syscall.SysProcAttr{Setpgid: true}, false},
			{"Setsid", &syscall.SysProcAttr{Setsid: true}, true},
		} {
			e := newEcho(t)
			c := s.Command("cat")
			c.Stdin, c.Stdout, c.SysProcAttr = e.stdin, e.stdout, tt.sys
			p := s.begin(t, c)
			e.handOver()
			e.ping(t)
			if group, err := unix.Getpgid(p.Pid); err != nil || group != p.Pid {
				t.Errorf("%s: the child %d is in group %d, %v", tt.name, p.Pid, group, err)
			}
			if session, err := unix.Getsid(p.Pid); err != nil || (session == p.Pid) != tt.session {
				t.Errorf("%s: the child %d is in session %d, %v", tt.name, p.Pid, session, err)
			}
			p.Close()
			e.gone(t)
		}
	}},
	{"TestB1_WithoutNoNewPrivsAsAnotherUser", func(t *testing.T, s suite) {
		if !hasCapability(t, unix.CAP_SYS_ADMIN) || !s.reachesEverybody() {
			t.Skip("needs CAP_SYS_ADMIN and a mechanism that reaches everybody: see TestP2_WithoutNoNewPrivs")
		}
		e := newEcho(t)
		c := s.Command("cat")
		c.Stdin, c.Stdout, c.AllowNewPrivs = e.stdin, e.stdout, true
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		p := s.begin(t, c)
		e.handOver()
		e.ping(t)
		if mode := statusField(t, p.Pid, "Seccomp"); mode != "2" {
			t.Errorf("the mode of seccomp is %s, want 2, a filter", mode)
		}
		p.Close()
		e.gone(t)
	}},
}

const sealAnswers = `setsid: 0
group and session: the same
setpgid(0, 0): 0
setpgid(parent, 0): 0
ioctl(/dev/null, TIOCSPGRP): 0
ioctl(/dev/null, TIOCSCTTY): 0
ioctl(/dev/null, TIOCGPGRP): inappropriate ioctl for device
kill(0): operation not permitted
kill(-1): operation not permitted
kill(-group): operation not permitted
kill(self): 0
rt_sigqueueinfo(-group): no such process
tgkill(-group): invalid argument
pidfd_send_signal(group): operation not permitted
clone3: function not implemented
clone(CLONE_NEWPID): operation not permitted
unshare(CLONE_NEWPID): operation not permitted
setns(pid namespace, 0): operation not permitted
setns(pid namespace, CLONE_NEWPID): operation not permitted
setns(pidfd, CLONE_NEWPID|CLONE_NEWUTS): operation not permitted
setns(user namespace, CLONE_NEWUSER): operation not permitted
clone(CLONE_PARENT): invalid argument
start of a tree: ErrSealed
`

// x32Answers comes after that on amd64. The filter looks at a call before the kernel
// finds out whether it has x32.
const x32Answers = `setsid by x32: 0
`

func (s suite) sealAnswers(t *testing.T, where string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := s.Command(testproc.Exe, where)
	// Of several filters that answer with an error the latest one's counts: that is the
	// seal's, also where this process has one of its own.
	c.Env, c.Stdout, c.Stderr = testproc.RoleEnv(sealedRole), w, os.Stderr
	p := s.begin(t, c)
	w.Close()
	got := readAll(t, r)
	if state, err := p.Wait(); err != nil || !state.Success() {
		t.Fatalf("%v, %v", state, err)
	}
	if got == noWord {
		t.Skip("this machine does not let us: see above")
	}
	want := sealAnswers
	if runtime.GOARCH == "amd64" {
		want += x32Answers
	}
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// trySeal is the role. Its argument says where: here, or in a user namespace, whose
// root it then is.
func trySeal(args []string) int {
	if args[0] == "user namespace" {
		c := testproc.Command(sealedRole, "here")
		c.Stdout, c.SysProcAttr = os.Stdout, newUser()
		if err := c.Start(); err != nil {
			no(err)
		}
		check(c.Wait())
		return 0
	}
	say := func(what string, err error) {
		text := "0"
		var errno syscall.Errno
		if errors.As(err, &errno) {
			text = errno.Error()
		} else if err != nil {
			text = err.Error()
		}
		fmt.Printf("%s: %s\n", what, text)
	}
	raw := func(nr uintptr, args ...uintptr) error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
			return errno
		}
		return nil
	}
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	check(err)
	namespace, err := unix.Open(testproc.Proc()+"/self/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(err)
	users, err := unix.Open(testproc.Proc()+"/self/ns/user", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(err)
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	check(err)
	group := unix.Getpgrp()
	session, err := unix.Getsid(0)
	check(err)
	queued := [128 / 8]uint64{}                            // siginfo_t
	*(*int32)(unsafe.Add(unsafe.Pointer(&queued), 8)) = -1 // si_code: SI_QUEUE

	_, err = unix.Setsid()
	say("setsid", err)
	newSession, err := unix.Getsid(0)
	check(err)
	if unix.Getpgrp() == group && newSession == session {
		say("group and session", errors.New("the same"))
	}
	say("setpgid(0, 0)", unix.Setpgid(0, 0))
	say("setpgid(parent, 0)", unix.Setpgid(os.Getppid(), 0))
	say("ioctl(/dev/null, TIOCSPGRP)", unix.IoctlSetPointerInt(null, unix.TIOCSPGRP, group))
	say("ioctl(/dev/null, TIOCSCTTY)", unix.IoctlSetInt(null, unix.TIOCSCTTY, 0))
	_, err = unix.IoctlGetInt(null, unix.TIOCGPGRP)
	say("ioctl(/dev/null, TIOCGPGRP)", err)
	say("kill(0)", unix.Kill(0, 0))
	say("kill(-1)", unix.Kill(-1, 0))
	say("kill(-group)", unix.Kill(-group, 0))
	say("kill(self)", unix.Kill(os.Getpid(), 0))
	say("rt_sigqueueinfo(-group)", raw(unix.SYS_RT_SIGQUEUEINFO, uintptr(-group), uintptr(unix.SIGURG), uintptr(unsafe.Pointer(&queued))))
	say("tgkill(-group)", unix.Tgkill(-group, os.Getpid(), 0))
	const signalGroup = 1 << 2 // PIDFD_SIGNAL_PROCESS_GROUP
	say("pidfd_send_signal(group)", unix.PidfdSendSignal(self, 0, nil, signalGroup))
	say("clone3", raw(unix.SYS_CLONE3))
	// All that is left of these is a child that ends at once.
	child := exec.Command("/bin/sh", "-c", "exit 0")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	say("clone(CLONE_NEWPID)", child.Run())
	say("unshare(CLONE_NEWPID)", unix.Unshare(unix.CLONE_NEWPID))
	say("setns(pid namespace, 0)", unix.Setns(namespace, 0))
	say("setns(pid namespace, CLONE_NEWPID)", unix.Setns(namespace, unix.CLONE_NEWPID))
	say("setns(pidfd, CLONE_NEWPID|CLONE_NEWUTS)", unix.Setns(self, unix.CLONE_NEWPID|unix.CLONE_NEWUTS))
	say("setns(user namespace, CLONE_NEWUSER)", unix.Setns(users, unix.CLONE_NEWUSER))
	say("clone(CLONE_PARENT)", cloneForParent())
	tree := autokill.Command("true")
	tree.Scope = autokill.ScopeTree
	if err = tree.Run(); errors.Is(err, autokill.ErrSealed) && errors.Is(err, errors.ErrUnsupported) {
		err = errors.New("ErrSealed")
	}
	say("start of a tree", err)
	if runtime.GOARCH == "amd64" {
		const bit, setsid = 1 << 30, 112
		say("setsid by x32", raw(bit|setsid))
	}
	return 0
}

// otherABI: a program of 32 bits is sealed, too.
func otherABI(t *testing.T, s suite) {
	if runtime.GOARCH != "amd64" {
		t.Skip("there is no program for the other ABI of this architecture: the filter for it is tested in an interpreter only")
	}
	c := s.Command(i386Program(t))
	err := c.Run()
	if errors.Is(err, syscall.ENOEXEC) {
		t.Skipf("this kernel runs no programs of i386: %v", err)
	}
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && strings.Contains(testproc.Denied(), "docker") {
		t.Skip("the filter of this place denies everything to programs of i386, their exit too")
	}
	if state, n := c.ProcessState, c.ProcessState.ExitCode(); n != 0 {
		what := fmt.Sprint(state)
		if n > 0 && n <= len(i386Calls) {
			what = i386Calls[n-1].name
		}
		t.Errorf("by i386: %s did not answer as it should", what)
	}
}

// cloneForParent makes a child of this program's parent, which ends at once.
func cloneForParent() error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_PARENT|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return errnoOf(errno)
}
