package cli

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/autokill/autokill/internal/sigign"
	"github.com/autokill/autokill/internal/siginfo"
)

// situation is what the passing on of a signal depends on.
type situation struct {
	// together: the command is in our process group, to all of which a terminal sends
	// its signals.
	together bool
	// early: the signal came before there was a command, which so has not got it
	// from the terminal.
	early bool
}

// passOn decides whether a signal that autokill got is for the command, too. What the
// terminal sent to the process group the command has already, and twice is not the
// same as once. Somebody who has sent it (kill -INT) meant us.
func passOn(got siginfo.Info, now situation) bool {
	switch got.Signal {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH:
		return now.early || !got.FromKernel() || !now.together
	case syscall.SIGCHLD:
		return false
	}
	return true
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
// SIGTSTP, SIGTTIN and SIGTTOU are not among them: autokill stops with the command.
var caught = []syscall.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM,
	syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGCHLD,
}

// notify catches signals from now on. One that our starter ignores stays ignored, and
// the command inherits that.
func notify() (<-chan siginfo.Info, error) {
	inheritIgnored()
	if !signal.Ignored(syscall.SIGPIPE) {
		// A message that nobody can read must not end us. Package os asks os/signal.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
	var signals []syscall.Signal
	for _, sig := range append(systemSignals(), caught...) {
		if !signal.Ignored(sig) {
			signals = append(signals, sig)
		}
	}
	return siginfo.Catch(signals...)
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
