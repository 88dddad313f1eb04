package cli

import (
	"syscall"
	"time"

	"github.com/autokill/autokill/internal/siginfo"
)

// patience is how long a start may last after a Ctrl-Z before it is taken to be stopped.
const patience = 100 * time.Millisecond

// attend starts a command, and returns the signals that came meanwhile. A Ctrl-Z can stop
// the command in the middle of its start, which then lasts until it goes on: we stop as
// well, and the shell makes both go on. We do not stop at once, since the command may be
// running by then, and could read what is typed for the shell.
func attend(signals <-chan siginfo.Info, start func() error) (came []siginfo.Info, err error) {
	started := make(chan error, 1)
	go func() { started <- start() }()
	var stopped <-chan time.Time
	for {
		select {
		case err := <-started:
			return came, err
		case got := <-signals:
			came = append(came, got)
			if got.Signal == syscall.SIGTSTP && stopped == nil {
				stopped = time.After(patience)
			}
		case <-stopped:
			stopped = nil
			stopToo(syscall.SIGTSTP, false)
		}
	}
}
