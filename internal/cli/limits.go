package cli

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/autokill/autokill/internal/siginfo"
)

// limits are the flags that say when a command shall end, if not with autokill.
type limits struct {
	timeout    duration
	killAfter  duration
	signal     signalFlag
	withParent bool
	hold       int
	holds      bool // --hold was given
}

// addTo makes them flags of a subcommand. What the help says of two of them differs.
func (l *limits) addTo(cmd *cobra.Command, killAfter, hold string) {
	flags := cmd.Flags()
	l.signal = signalFlag(syscall.SIGTERM)
	flags.Var(&l.timeout, "timeout", "send --signal after this time: 5, 1.5m, 2h, 1d")
	flags.Var(&l.killAfter, "kill-after", killAfter)
	flags.Var(&l.signal, "signal", "signal of --timeout, name or number")
	flags.BoolVar(&l.withParent, "with-parent", true, "die with autokill's starter, too")
	flags.Var((*fdFlag)(&l.hold), "hold", hold)
	completeFlag(cmd, "signal", signalNames()...)
}

// held is the descriptor of --hold, or -1.
func (l *limits) held() int {
	if !l.holds {
		return -1
	}
	return l.hold
}

// watch begins to watch for all of them. files are what the command inherits.
func (l *limits) watch(signals <-chan siginfo.Info, files []*os.File) (s *supervisor, err error) {
	s = &supervisor{
		signals: signals,
		timeout: time.Duration(l.timeout), killAfter: time.Duration(l.killAfter),
		signal: syscall.Signal(l.signal),
	}
	if l.holds {
		if s.hungUp, err = hold(l.hold, files); err != nil {
			return nil, err
		}
	}
	if l.withParent {
		if s.orphaned, err = watchParent(); err != nil {
			return nil, err
		}
		if s.orphaned != nil && signal.Ignored(syscall.SIGHUP) {
			say(errors.New("SIGHUP is ignored (nohup), but the command still dies with the process that started autokill: --with-parent=false changes that"))
		}
	}
	return s, nil
}
