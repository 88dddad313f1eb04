package cli

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/siginfo"
)

// supervisor stays with the command until it has ended. Channels may be nil.
type supervisor struct {
	process  *autokill.Process
	job      *job           // at its terminal, or nil
	early    []siginfo.Info // came before there was a command
	during   []siginfo.Info // came while it was started
	signals  <-chan siginfo.Info
	orphaned <-chan struct{} // our starter has ended
	hungUp   <-chan struct{} // so has the holder of the other end

	timeout, killAfter time.Duration // 0: never
	signal             syscall.Signal
	kill               <-chan time.Time // of --kill-after, once it runs
}

func (s *supervisor) supervise() (ending, error) {
	for _, got := range s.early {
		s.obey(got, situation{early: true, tree: s.tree()})
	}
	for _, got := range s.during {
		now := s.now()
		// Perhaps the command was not cloned yet. One that was has not come to its exec, or just so: twice
		// does it less harm than never.
		now.early = true
		s.obey(got, now)
	}
	s.lookAfterChildren()
	var timedOut bool
	timeout := after(s.timeout)
	for {
		select {
		case <-s.process.Done():
			state, err := s.process.Wait()
			if err != nil {
				return ending{}, err
			}
			return endingOf(state, timedOut), nil
		case got := <-s.signals:
			s.obey(got, s.now())
		case <-s.job.mayHaveStopped():
			s.job.look()
		case <-timeout:
			timedOut = true
			// Everybody, as timeout(1) does it.
			s.send(s.signal, everybody)
			if s.signal != syscall.SIGKILL && s.signal != syscall.SIGCONT {
				s.send(syscall.SIGCONT, everybody) // who is stopped could not obey
			}
			s.startKillClock()
		case <-s.kill:
			timedOut = true
			_ = s.process.Close()
		case <-s.orphaned:
			s.orphaned = nil
			_ = s.process.Close()
		case <-s.hungUp:
			s.hungUp = nil
			_ = s.process.Close()
		}
	}
}

// now is the situation of a running command.
func (s *supervisor) now() situation {
	return situation{together: groupOf(s.process.Pid) == groupOf(0), tree: s.tree(), watched: underJobControl()}
}

// pending are the signals that have come by now.
func pending(signals <-chan siginfo.Info) (all []siginfo.Info) {
	for {
		select {
		case got := <-signals:
			all = append(all, got)
		default:
			return all
		}
	}
}

// obey does what a signal that we got asks for.
func (s *supervisor) obey(got siginfo.Info, now situation) {
	s.send(got.Signal, passOn(got, now))
	if asksToEnd(got.Signal) {
		s.startKillClock()
	}
	switch got.Signal {
	case syscall.SIGCHLD:
		s.lookAfterChildren()
	case syscall.SIGTSTP:
		s.job.expectStop()
	}
}

// lookAfterChildren does what a SIGCHLD asks for. Several of them can be one.
func (s *supervisor) lookAfterChildren() {
	reapOrphans(s.process.Pid)
	s.job.look()
}

// startKillClock starts the time of --kill-after, once.
func (s *supervisor) startKillClock() {
	if s.kill == nil {
		s.kill = after(s.killAfter)
	}
}

// send sends a signal to the command, which may have ended, or to everybody.
func (s *supervisor) send(sig syscall.Signal, to audience) {
	var err error
	switch to {
	case command:
		err = s.process.Signal(sig)
	case everybody:
		err = s.process.SignalAll(sig)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		say(fmt.Errorf("signal %d does not reach the command: %w", int(sig), err))
	}
}

// tree says that the command is in a process group of its own.
func (s *supervisor) tree() bool { return s.process.Scope() == autokill.ScopeTree }

// after is time.After, but never for 0.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}
