package autokill

import (
	"fmt"
	"syscall"
	"time"

	"github.com/autokill/autokill/internal/bond"
)

// ProcessState is how a child ended. Its methods are those of [os.ProcessState].
type ProcessState struct {
	pid    int
	ending bond.Ending
}

// Pid returns the process id that the child had.
func (s *ProcessState) Pid() int { return s.pid }

// Known reports whether the kernel told how the child ended. It is false if
// somebody else in this program reaped the child, with wait4(-1) for example, on a
// kernel before 6.15. Of a process that was attached less is known: see [Attach].
func (s *ProcessState) Known() bool { return s.ending.Known }

// Exited reports whether the child exited by itself.
func (s *ProcessState) Exited() bool { return s.ending.Known && s.ending.Status.Exited() }

// Success reports whether the child exited with status 0.
func (s *ProcessState) Success() bool { return s.ExitCode() == 0 }

// ExitCode returns the exit status, or -1 if a signal ended the child or its
// status is not known.
func (s *ProcessState) ExitCode() int {
	if s == nil || !s.ending.Known {
		return -1
	}
	return s.ending.Status.ExitStatus()
}

// Sys returns the [syscall.WaitStatus], or nil if it is not known.
func (s *ProcessState) Sys() any {
	if !s.ending.Known {
		return nil
	}
	return s.ending.Status
}

// SysUsage returns the resource usage, a [*syscall.Rusage]. It is zero for a
// [Native] child, since the kernel keeps none of a process that it reaps by itself
// (set [Cmd.Rusage] to have it), and where somebody else in this program reaped the
// child. With [ScopePIDNamespace] it is real unless the child was killed by its handle.
func (s *ProcessState) SysUsage() any { return &s.ending.Rusage }

// UserTime returns the user CPU time of the child and of those it waited for; see
// [ProcessState.SysUsage] for when it is zero.
func (s *ProcessState) UserTime() time.Duration { return userTime(&s.ending.Rusage) }

// SystemTime returns the system CPU time of the child and of those it waited for;
// see [ProcessState.SysUsage] for when it is zero.
func (s *ProcessState) SystemTime() time.Duration { return systemTime(&s.ending.Rusage) }

// String says it in the words of [os.ProcessState]: "exit status 2", "signal:
// killed".
func (s *ProcessState) String() string {
	if s == nil {
		return "<nil>"
	}
	if !s.ending.Known {
		return "ended, status unknown"
	}
	return describe(s.ending.Status)
}

func describe(status syscall.WaitStatus) string {
	switch {
	case status.Exited():
		return fmt.Sprintf("exit status %d", status.ExitStatus())
	case status.CoreDump():
		return fmt.Sprintf("signal: %v (core dumped)", status.Signal())
	default:
		return fmt.Sprintf("signal: %v", status.Signal())
	}
}

// ExitError is an unsuccessful end of a command, as in os/exec.
type ExitError struct {
	*ProcessState

	// Stderr is the standard error of a command that was run by [Cmd.Output], where
	// nothing else was to collect it. Of more than 64 KiB it has the first and the
	// last 32 KiB, and between them a line that says how much is left out.
	Stderr []byte
}

func (e *ExitError) Error() string { return e.String() }
