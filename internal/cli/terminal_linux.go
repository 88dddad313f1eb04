package cli

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// inForeground says whether the controlling terminal, if there is one, sends its
// signals to our process group.
func inForeground() bool { return frontGroup() == unix.Getpgrp() }

// frontGroup is the foreground process group of the controlling terminal, or 0 if there
// is none.
func frontGroup() (group int) {
	withTerminal(func(fd int) { group, _ = unix.IoctlGetInt(fd, unix.TIOCGPGRP) })
	return group
}

// setFront makes a group of our session the foreground process group. Who does that
// from the background is stopped, unless he blocks SIGTTOU (tcsetpgrp(3)).
func setFront(group int) {
	withTerminal(func(fd int) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var ttou, old unix.Sigset_t
		ttou.Val[0] = 1 << (unix.SIGTTOU - 1)
		if unix.PthreadSigmask(unix.SIG_BLOCK, &ttou, &old) != nil {
			return
		}
		_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, group)
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	})
}

// withTerminal calls if there is a controlling terminal. It is not kept open: who is at
// its other end sees when the command has let go.
func withTerminal(call func(fd int)) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return // ENXIO: there is none
	}
	defer tty.Close()
	call(int(tty.Fd()))
}

// takeTerminalBack makes our process group the foreground one again, if the one that is
// was the command's, or we were it once and it has nobody in it any more. A shell gives back what it took, but not
// if it was killed, and not from a PID namespace: it has no number there for a group
// outside. Had is whether it was the command's.
func takeTerminalBack(command int, once bool) (had bool) {
	front := frontGroup()
	if front == command || once && front > 1 && errors.Is(unix.Kill(-front, 0), unix.ESRCH) {
		setFront(unix.Getpgrp())
	}
	return front == command
}

// groupOf is the process group of a process, or -1 if it is gone. 0 is this process.
func groupOf(pid int) int {
	group, err := unix.Getpgid(pid)
	if err != nil {
		return -1
	}
	return group
}

// underJobControl says whether our parent is a shell that has given us a process group
// of our own in its session: it notices that we have stopped, and continues us.
func underJobControl() bool {
	parent := os.Getppid()
	session, err := unix.Getsid(parent)
	if err != nil {
		return false // in another PID namespace, or gone
	}
	own, err := unix.Getsid(0)
	return err == nil && session == own && groupOf(parent) != groupOf(0)
}
