package cli

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
)

// job is a tree in our session. nil is a command that is none.
type job struct {
	process *autokill.Process
	chld    chan os.Signal
}

// newJob watches over a tree. A Ctrl-Z that only we get comes with the other signals.
func newJob(process *autokill.Process, signals chan<- os.Signal) *job {
	if process.Scope() != autokill.ScopeTree || frontGroup() == 0 {
		return nil
	}
	j := &job{process: process, chld: make(chan os.Signal, 1)}
	signal.Notify(j.chld, unix.SIGCHLD)
	select {
	case j.chld <- unix.SIGCHLD: // it may have stopped already
	default:
	}
	if !signal.Ignored(unix.SIGTSTP) {
		signal.Notify(signals, unix.SIGTSTP)
	}
	return j
}

// stops tells when to look.
func (j *job) stops() <-chan os.Signal {
	if j == nil {
		return nil
	}
	return j.chld
}

// look replies to all stops since the last time.
func (j *job) look() {
	for {
		sig := stopOf(j.process.Pid)
		if sig == 0 {
			return
		}
		front, own := frontGroup(), unix.Getpgrp()
		switch replyTo(sig, front, own, j.process.Pid) {
		case lend:
			setFront(j.process.Pid)
			j.goOn()
		case stop:
			had := front == j.process.Pid
			j.stopToo(sig, had)
			if (had || sig != unix.SIGTSTP) && frontGroup() == own {
				setFront(j.process.Pid)
			}
			j.goOn()
		}
	}
}

func (j *job) goOn() { _ = j.process.SignalAll(unix.SIGCONT) }

// stopToo stops this process by the same signal, and returns when it goes on, or at once
// where nobody could make it go on (an orphaned process group, setpgid(2)). Where the
// tree had the terminal, the others of our job have not got the signal yet.
func (j *job) stopToo(sig syscall.Signal, others bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := disposition{}
	before.swap(sig)
	if others {
		ignore := disposition{1} // we are among those
		ignore.swap(sig)
		_ = unix.Kill(0, sig)
	}
	byDefault := disposition{}
	byDefault.swap(sig)
	// To this very thread, which so does not get past the call before it has stopped.
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
	before.swap(sig)
}

// disposition is struct sigaction as the kernel has it, handler first: 0 is the default,
// 1 ignores (include/uapi/asm-generic/signal-defs.h). Package os/signal cannot bring the
// default back.
type disposition [4]uint64

// swap makes it the disposition of the signal, and becomes what that was.
func (d *disposition) swap(sig syscall.Signal) {
	var old disposition
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(d)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	*d = old
}

// end takes the terminal back.
func (j *job) end() {
	if j != nil && frontGroup() == j.process.Pid {
		setFront(unix.Getpgrp())
	}
}

// stopOf is the signal that has stopped a child since the last time, or 0.
func stopOf(pid int) syscall.Signal {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOHANG|unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || info.Signo == 0:
			return 0
		}
		// si_status stands behind the three numbers that every siginfo has, aligned like
		// a pointer, and si_pid and si_uid (sigaction(2)).
		return syscall.Signal(*(*int32)(unsafe.Add(unsafe.Pointer(&info), 24)))
	}
}

// atTerminal gives the terminal to a tree from the start, if its input and output are
// the terminal and it is ours to give.
func atTerminal(cmd *autokill.Cmd) {
	own := unix.Getpgrp()
	for _, file := range []any{cmd.Stdin, cmd.Stdout} {
		f, ok := file.(*os.File)
		if !ok {
			return
		}
		if group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP); err != nil || group != own {
			return
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: int(os.Stdin.Fd())}
}
