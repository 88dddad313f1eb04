package cli

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/autokill/autokill/internal/siginfo"
)

// conclude ends autokill as the command has ended. Where that is not known it says why. Apart is whether the
// command had the terminal without us.
func conclude(end ending, apart bool, unknown string) error {
	if !end.known {
		return &exit{end.status(), errors.New(unknown)}
	}
	if end.dieOfInterrupt(inForeground()) {
		interruptSelf(apart)
	}
	return exitWith(end.status())
}

// interruptSelf ends this process by SIGINT. It returns if that is ignored or
// blocked, or if this is the init of a PID namespace, which signals do not end.
// Others of our process group, such as the script that we are in, have not got the Ctrl-C if the
// command had the terminal without us: a shell without job control ends of its own signal, not of ours.
func interruptSelf(others bool) {
	if os.Getpid() == 1 || signal.Ignored(syscall.SIGINT) {
		return
	}
	whom := os.Getpid()
	if others {
		whom = 0
	}
	if siginfo.Default(syscall.SIGINT) == nil && syscall.Kill(whom, syscall.SIGINT) == nil {
		time.Sleep(time.Second) // it may be another thread that takes it
	}
}
