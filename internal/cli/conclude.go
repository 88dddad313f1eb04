package cli

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/autokill/autokill/internal/siginfo"
)

// conclude ends autokill as the command has ended. Where that is not known it says why.
func conclude(end ending, unknown string) error {
	if !end.known {
		return &exit{end.status(), errors.New(unknown)}
	}
	if end.dieOfInterrupt(inForeground()) {
		interruptSelf()
	}
	return exitWith(end.status())
}

// interruptSelf ends this process by SIGINT. It returns if that is ignored or
// blocked, or if this is the init of a PID namespace, which signals do not end.
func interruptSelf() {
	if os.Getpid() == 1 || signal.Ignored(syscall.SIGINT) {
		return
	}
	if siginfo.Default(syscall.SIGINT) == nil && syscall.Kill(os.Getpid(), syscall.SIGINT) == nil {
		time.Sleep(time.Second) // it may be another thread that takes it
	}
}
