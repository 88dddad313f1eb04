//go:build linux && (amd64 || arm64)

package bond

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

// Become binds this very process, and what it execs next, to a handle that somebody else
// has: the other end of a socket. It makes the parcel of a tripwire as a child does in its
// vector, with itself as the target. given are the descriptors that stay open through the
// exec.
//
// The exec must follow on the same goroutine, which is locked to its thread from here on:
// no_new_privs, capabilities and a seal are the thread's. The socket must be close-on-exec, as
// all is that is opened here: our own copies of the pipe ends are closed in the middle of the
// exec, when the kernel has made this thread the leader (begin_new_exec in fs/exec.c). So
//
//   - if the holder ends before that, our copies are the last ones, and closing them kills
//     what was to run, before its first instruction;
//   - the signal cannot be lost to this exec (see parcel), for nothing is sent in the course
//     of it;
//   - the hang-up of the socket tells the holder that the exec has succeeded, or that this
//     process has ended.
//
// After an error this program can only end.
//
// Ledger of kernel versions:
//
//	SCM_CREDENTIALS, SIOCOUTQ of unix sockets    2.2, 2.4 and older
//	everything else                              as for a tripwire, see parcel.go
func Become(socket int, s Scope, given []int) error {
	if s != ScopeProcess && s != ScopeTree {
		return fmt.Errorf("a program that runs already can be bound with scope process or tree, not %v: %w", s, unix.EINVAL)
	}
	if os.Getpid() == 1 {
		return unsupported("this program is the init of a PID namespace, which ignores the signal that is to kill it: start it from a shell or another init")
	}
	if err := inspect(socket).refusal(); err != nil {
		return err
	}
	wish := Wish{Kind: Tripwire, Scope: s}
	facts, err := gather(wish)
	if err != nil {
		return err
	}
	plan, err := choose(wish, facts)
	if err != nil {
		return err
	}
	if err := (tripwire{s}).trust(); err != nil {
		return err
	}
	runtime.LockOSThread()
	parcel := newParcel(s)
	parcel.self.Pid = int32(os.Getpid())
	parcel.socket = int32(socket)
	parcel.attest()
	if err := explain(plan.bindSelf(parcel)); err != nil {
		return err
	}
	for _, fd := range given {
		if parcel.isFirstIn(fd) {
			return fmt.Errorf("descriptor %d is the other end and would stay open: the command would hold itself. It must be close-on-exec where it is made", fd)
		}
	}
	return nil
}

// bindSelf takes the steps in the order of a start.
func (p Plan) bindSelf(parcel *parcel) error {
	// The first one asks for the parent who has cloned us.
	steps := parcel.steps[1:]
	if parcel.scope == ScopeTree {
		if err := lead(); err != nil {
			return err
		}
		var r clone.Request
		parcel.seal(&r)
		steps = append(steps, r.Confinement...)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl(PR_SET_NO_NEW_PRIVS)", err)
	}
	if p.DropSetuid {
		caps, err := clone.ReadCapabilities()
		if err != nil {
			return err
		}
		if err := caps.Without(unix.CAP_SETUID).Take(); err != nil {
			return err
		}
	}
	err := clone.Here(steps)
	if errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("the other end is closed already, so the command was not started: %w", err)
	}
	return err
}

// lead makes this process the leader of a process group with nobody else in it. Who leads
// one already cannot leave it, and who is in it with us would be killed with us.
func lead() error {
	self := os.Getpid()
	if unix.Getpgrp() != self {
		return os.NewSyscallError("setpgid", unix.Setpgid(0, 0))
	}
	other := 0
	err := eachProcess(func(pid int, s stat) {
		if s.group == self && pid != self && !s.dead() {
			other = pid
		}
	})
	if err == nil && other != 0 { // not known without /proc
		return fmt.Errorf("process %d is in the process group that this program leads, and would be killed as part of the tree: %w", other, unix.EBUSY)
	}
	return nil
}

// isFirstIn says that the description of this parcel is what comes first from a descriptor:
// it is the handle.
func (p *parcel) isFirstIn(fd int) bool {
	if !inspect(fd).canHold() {
		return false // what comes from there is none of our business
	}
	description := binary.NativeEndian.AppendUint32(p.header[:len(p.header):len(p.header)], uint32(p.self.Pid))
	b := make([]byte, len(description)+1)
	n, _, err := unix.Recvfrom(fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == nil && bytes.Equal(b[:n], description)
}
