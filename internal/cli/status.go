package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"

	"github.com/autokill/autokill"
)

// The exit statuses that are not the command's own, as env(1) and timeout(1) have
// them. Death by signal n is statusSignal + n.
const (
	statusTimedOut  = 124
	statusFailed    = 125 // autokill itself
	statusCannotRun = 126
	statusNotFound  = 127
	statusSignal    = 128
)

// exit is how a subcommand ends where that is not with status 0. err may be nil:
// then there is nothing to say.
type exit struct {
	status int
	err    error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// exitWith is nil for status 0.
func exitWith(status int) error {
	if status == 0 {
		return nil
	}
	return &exit{status: status}
}

// failed is nil for nil, and else how a subcommand ends that was used as it should be.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exit{statusFailed, err}
}

// startStatus is the status for a command that could not be started. What execve
// refused is the command's fault; all else is ours.
func startStatus(err error) int {
	var path *fs.PathError
	executing := errors.As(err, &path) && path.Op == opExec
	switch {
	case errors.Is(err, exec.ErrNotFound), executing && errors.Is(err, fs.ErrNotExist):
		return statusNotFound
	case executing:
		return statusCannotRun
	}
	return statusFailed
}

// ending is how a command ended.
type ending struct {
	known    bool
	code     int            // of a command that exited
	signal   syscall.Signal // that killed it, or 0
	timedOut bool
}

func endingOf(state *autokill.ProcessState, timedOut bool) ending {
	e := ending{known: state.Known(), code: state.ExitCode(), timedOut: timedOut}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.signal = status.Signal()
	}
	return e
}

// String says it in words.
func (e ending) String() string {
	if e.signal != 0 {
		return "signal: " + e.signal.String()
	}
	return fmt.Sprintf("exit status %d", e.code)
}

// status is timeout(1)'s: a command that ran out of time is 124 whatever it made of
// the signal, unless it had to be killed, which is 137.
func (e ending) status() int {
	switch {
	case !e.known:
		return statusFailed
	case e.timedOut && e.signal != syscall.SIGKILL:
		return statusTimedOut
	case e.signal != 0:
		return statusSignal + int(e.signal)
	}
	return e.code
}

// dieOfInterrupt says whether autokill shall end by SIGINT too, which a shell
// shows as the same status. A shell stops its loop or its script after a Ctrl-C
// only if the program that it waited for has died of it.
func (e ending) dieOfInterrupt(foreground bool) bool {
	return foreground && !e.timedOut && e.signal == syscall.SIGINT
}

// reason is an error as people need it: without the layer that says "autokill:
// start" and without errors.ErrUnsupported, which is for programs.
func reason(err error) string {
	text := err.Error()
	var own *autokill.OpError
	if errors.As(err, &own) {
		text = strings.Replace(text, own.Error(), own.Err.Error(), 1)
	}
	unsupported := errors.ErrUnsupported.Error()
	text = strings.ReplaceAll(text, " ("+unsupported+")", "")
	return strings.ReplaceAll(text, ": "+unsupported, "")
}
