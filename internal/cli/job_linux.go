package cli

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
)

// job is a command in our session. nil is one that has no terminal.
type job struct {
	process *autokill.Process
	tree    bool
	// distant: the command is not our child, whose stops the kernel tells us of.
	distant  bool
	expected *time.Ticker // until a distant command has stopped
	patience int          // in ticks
}

// catchStops is called before there is a command: this process must not stop before the
// command has.
func catchStops() error {
	if frontGroup() == 0 {
		return nil
	}
	_, err := catch(syscall.SIGTSTP)
	return err
}

// newJob watches over a command.
func newJob(process *autokill.Process) *job {
	if frontGroup() == 0 {
		return nil
	}
	scope := process.Scope()
	return &job{process: process, tree: scope == autokill.ScopeTree, distant: scope == autokill.ScopePIDNamespace}
}

// expectStop begins to look for the stop of a distant command, which a Ctrl-Z has asked
// for. It may have other plans.
func (j *job) expectStop() {
	if j != nil && j.distant && j.expected == nil {
		j.expected, j.patience = time.NewTicker(2*time.Millisecond), 1000
	}
}

// mayHaveStopped tells when to look, beyond each SIGCHLD.
func (j *job) mayHaveStopped() <-chan time.Time {
	if j == nil || j.expected == nil {
		return nil
	}
	return j.expected.C
}

// stopped is the signal that has stopped the command since the last time, or 0.
func (j *job) stopped() syscall.Signal {
	switch {
	case !j.distant:
		return stopOf(j.process.Pid)
	case j.expected == nil:
		return 0
	}
	j.patience--
	stopped := isStopped(j.process.Pid)
	if stopped || j.patience == 0 {
		j.expected.Stop()
		j.expected = nil
	}
	if stopped {
		return syscall.SIGTSTP
	}
	return 0
}

// look replies to all stops since the last time.
func (j *job) look() {
	if j == nil {
		return
	}
	for sig := j.stopped(); sig != 0; sig = j.stopped() {
		g := groups{front: frontGroup(), own: groupOf(0), its: groupOf(j.process.Pid), tree: j.tree, watched: underJobControl()}
		switch replyTo(sig, g) {
		case lend:
			setFront(g.its)
			j.goOn()
		case stop:
			if runs(j.process.Pid) {
				// All of our group was stopped, we too, and that is over.
				continue
			}
			apart := g.its != g.own
			had := apart && g.front == g.its
			if !stopToo(sig, had) && asks(sig) {
				time.Sleep(inVain) // it will ask again, and nobody can give it the terminal
			}
			if (had || apart && asks(sig)) && frontGroup() == g.own {
				setFront(g.its)
			}
			if apart || !g.watched {
				j.goOn()
			}
		}
	}
}

func (j *job) goOn() { _ = j.process.SignalAll(unix.SIGCONT) }

// inVain is how long a command waits that has asked for the terminal where nothing stops us.
const inVain = 200 * time.Millisecond

// stopToo stops this process by the same signal, and returns when it goes on, or at once
// where nobody could make it go on (an orphaned process group, setpgid(2)): that is false. Where the
// command had the terminal, the others of our job have not got the signal yet.
func stopToo(sig syscall.Signal, others bool) (stopped bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := disposition{}
	before.swap(sig)
	if others && sig != syscall.SIGSTOP { // which cannot be ignored
		// We are among those. Where a thread of ours blocks the signal just then, as in a
		// handler, it waits all the same, until it is ignored again (sigaction(2)).
		ignore(sig)
		_ = unix.Kill(0, sig)
		ignore(sig)
	}
	byDefault := disposition{}
	byDefault.swap(sig)
	// The SIGCONT is for who calls. Passed on as one that came by itself, it could be late,
	// and undo the next stop.
	proceed := disposition{}
	proceed.swap(unix.SIGCONT)
	// To this very thread, which so does not get past the call before it has stopped.
	began := time.Now()
	_ = unix.Tgkill(os.Getpid(), unix.Gettid(), sig)
	stopped = time.Since(began) > time.Millisecond // nobody is that fast with fg
	proceed.swap(unix.SIGCONT)
	before.swap(sig)
	return stopped
}

// disposition is struct sigaction as the kernel has it, handler first: 0 is the default,
// 1 ignores (include/uapi/asm-generic/signal-defs.h). Package os/signal cannot bring the
// default back.
type disposition [4]uint64

func ignore(sig syscall.Signal) { (&disposition{1}).swap(sig) }

// swap makes it the disposition of the signal, and becomes what that was.
func (d *disposition) swap(sig syscall.Signal) {
	var old disposition
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(d)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	*d = old
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
