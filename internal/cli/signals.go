package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// situation is what the passing on of a signal depends on.
type situation struct {
	// foreground: our process group is the one that the controlling terminal sends
	// its signals to.
	foreground bool
	// early: the signal came before there was a command, which so has not got it
	// from the terminal.
	early bool
	// tree: the command is in a process group of its own.
	tree bool
}

// audience is whom a signal is for.
type audience int

const (
	nobody    audience = iota
	command            // it alone
	everybody          // in its scope
)

// passOn decides for whom a signal is that autokill got. The terminal sends its
// signals to the whole foreground process group: a command that is in it has them
// already, and twice is not the same as once. The price is that kill -INT of a
// foreground autokill does nothing: it cannot be told from a Ctrl-C. To a tree that is
// not in it we are the terminal. All else is for the command, which knows what to do
// about its children.
func passOn(sig syscall.Signal, now situation) audience {
	switch sig {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH:
		switch {
		case now.tree && now.foreground:
			return everybody
		case now.foreground && !now.early:
			return nobody
		}
	case syscall.SIGTSTP, syscall.SIGCONT:
		if now.tree {
			return everybody
		}
	case syscall.SIGPIPE, syscall.SIGCHLD, syscall.SIGURG:
		// Ours: nobody reads what we write, or the kernel and Go's runtime at work.
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

// caught are the signals that autokill must not die of, on every system. SIGTSTP,
// SIGTTIN and SIGTTOU are not among them: autokill stops with the command. (For a tree
// it takes SIGTSTP: see job.)
var caught = []syscall.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM,
	syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGPIPE,
}

// notify catches signals from now on. One that is ignored stays ignored, and the
// command inherits that. Go only knows it of HUP and INT, and leaves TSTP, TTIN and
// TTOU alone; the other ones its runtime has taken over before any code of ours
// runs, so that the command gets their default.
func notify() chan os.Signal {
	// Enough for one of each, which are not lost then.
	signals := make(chan os.Signal, 2*maxSignal)
	for _, sig := range append(systemSignals(), caught...) {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	return signals
}
