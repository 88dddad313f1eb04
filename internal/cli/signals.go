package cli

import (
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/autokill/autokill/internal/sigign"
	"github.com/autokill/autokill/internal/siginfo"
)

// situation is what the passing on of a signal depends on.
type situation struct {
	// together: the command is in our process group, to all of which a terminal sends
	// its signals.
	together bool
	// early: the signal came before there was a command, or perhaps so, which has not got it
	// from the terminal then.
	early bool
	// tree: the scope is a process group of its own.
	tree bool
	// watched: our parent is a shell that made a job of us.
	watched bool
}

// audience is whom a signal is for.
type audience int

const (
	nobody    audience = iota
	command            // it alone
	everybody          // in its scope
)

// passOn decides for whom a signal is that autokill got. What the terminal sent to the
// process group a command that is in it has already, and twice is not the same as once.
// To a tree that is not in it we are the terminal. All else is for the command, which
// knows what to do about its children; so is what looks like the terminal's and was
// sent by somebody (kill -INT).
func passOn(got siginfo.Info, now situation) audience {
	switch got.Signal {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH:
		switch {
		case got.FromKernel() && now.tree:
			return everybody
		case got.FromKernel() && now.together && !now.early:
			return nobody
		}
	case syscall.SIGTSTP:
		switch {
		case now.tree:
			return everybody
		case now.together && !now.early:
			// A program that is asked to stop does so to its whole group (vi), so this
			// can be the echo of a stop.
			return nobody
		}
	case syscall.SIGCONT:
		switch {
		case now.tree:
			return everybody
		case now.together && now.watched:
			// A shell continues the whole group. Passed on, it would come late, and
			// undo the next Ctrl-Z.
			return nobody
		}
	case syscall.SIGCHLD:
		return nobody
	}
	return command
}

// asksToEnd says which signals start the clock of --kill-after: those of timeout(1).
func asksToEnd(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM:
		return true
	}
	return false
}

// caught are the signals that autokill must not die of, on every system, and SIGCHLD.
// SIGTTIN and SIGTTOU are not among them: autokill stops with the command. At a terminal
// it takes SIGTSTP: see job.
var caught = []syscall.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM,
	syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGCHLD,
}

// notify catches signals from now on. One that our starter ignores stays ignored, and
// the command inherits that.
func notify() (<-chan siginfo.Info, error) {
	respect()
	return catch(append(systemSignals(), caught...)...)
}

// respect leaves ignored what our starter ignores, and lets no message that nobody can read
// end us.
func respect() {
	inheritIgnored()
	surviveMessages()
}

// surviveMessages: a message that nobody can read must not end us. Package os asks os/signal.
func surviveMessages() {
	if !signal.Ignored(syscall.SIGPIPE) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
}

// catch catches those that are not ignored.
func catch(signals ...syscall.Signal) (<-chan siginfo.Info, error) {
	return siginfo.Catch(slices.DeleteFunc(signals, func(sig syscall.Signal) bool { return signal.Ignored(sig) })...)
}

// inheritIgnored ignores again what Go's runtime has taken over at the start. SIGCHLD is
// left out, since a parent that ignores it learns of no exit status, and SIGURG, with
// which the runtime wakes its own threads. An error means that it is not known what was
// ignored; the runtime respects SIGHUP and SIGINT all the same.
func inheritIgnored() {
	ignored, _ := sigign.Ignored()
	for _, sig := range ignored {
		if sig != syscall.SIGCHLD && sig != syscall.SIGURG {
			signal.Ignore(sig)
		}
	}
}
