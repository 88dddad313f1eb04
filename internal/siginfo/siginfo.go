// Package siginfo catches signals together with where they come from, which os/signal
// does not tell: whether a SIGINT is a Ctrl-C, which the kernel sends to a whole process
// group, or was sent by a process.
//
// A handler in assembly writes each siginfo_t into a pipe. That is all that it does:
// no code of Go's runtime runs in it. It would not help to ask signalfd(2): a signal
// would have to be blocked in every thread, and Go's runtime starts threads with the
// mask that the program was started with.
package siginfo

import "syscall"

// Info is what is known of a signal.
type Info struct {
	Signal syscall.Signal
	// Code is si_code of sigaction(2): positive from the kernel, zero or negative from
	// a process.
	Code int32
}

// FromKernel says that no process has sent the signal: it is from a terminal, a timer,
// or about a child.
func (i Info) FromKernel() bool { return i.Code > 0 }
