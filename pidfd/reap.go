package pidfd

import (
	"errors"
	"os"
	"syscall"
)

// Exit is what a parent learns by reaping.
type Exit struct {
	Status syscall.WaitStatus
	// Usage is the resource usage of the process and of those it waited for.
	Usage syscall.Rusage
}

// Reap collects the status of a child that has ended, with waitid(2), and
// makes it vanish: it works once, for the parent. It does not wait; before the
// end it returns false and no error. Every child is found, whatever its exit
// signal.
//
// The error wraps syscall.ECHILD if there is nothing to collect, now or ever:
// the process is no child of this one, or somebody else has reaped it, or it
// reaps itself because it was started with CLONE_AUTOREAP or because this
// process ignores SIGCHLD (or set SA_NOCLDWAIT). A child that reaps itself may
// look like one that still runs until it ends. There [FD.WaitReaped] and
// [FD.Info] with [InfoExit] tell the status, but never the usage. A
// descriptor of a thread is ECHILD too, except for the leader.
func (fd *FD) Reap() (Exit, bool, error) { return fd.collect(reap) }

// Peek is Reap that takes nothing away (WNOWAIT): the child can still be reaped, by
// whoever is to do that, and can be peeked at until then.
func (fd *FD) Peek() (Exit, bool, error) { return fd.collect(peek) }

func (fd *FD) collect(call func(n int) (Exit, bool, error)) (Exit, bool, error) {
	if fd == nil {
		return Exit{}, false, os.ErrInvalid
	}
	// A child that nobody else looks at costs no memory here.
	var exit Exit
	var ended bool
	conn, err := fd.file.Call(func(n int) (err error) {
		exit, ended, err = call(n)
		return err
	})
	if conn != nil {
		exit, ended, err = collectBy(conn, call)
	}
	switch {
	case err == nil:
		return exit, ended, nil
	case errors.Is(err, syscall.ECHILD):
		return Exit{}, false, because("waitid", "not a child that can be reaped", err)
	case errors.As(err, new(syscall.Errno)):
		return Exit{}, false, os.NewSyscallError("waitid", err)
	}
	return Exit{}, false, explained(err)
}

func collectBy(conn syscall.RawConn, call func(n int) (Exit, bool, error)) (exit Exit, ended bool, err error) {
	if conn.Control(func(n uintptr) { exit, ended, err = call(int(n)) }) != nil {
		err = os.ErrClosed
	}
	return exit, ended, err
}
