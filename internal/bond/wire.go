//go:build linux && (amd64 || arm64)

package bond

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/pidfd"
)

// pipes are the ends of two, -1 where they are not open.
type pipes [4]int

// wire makes a handle for a process that makes no parcel itself: the same parcel, by this
// program (parcel.go). Until it is done nothing can kill the process; where it fails,
// nothing has.
//
// For the moment in which this program has the pipe ends in hand, the process could re-open
// them through /proc, if it may trace this program (proc(5)), and survive.
func wire(t target, observer *pidfd.FD, s Scope) (made socketPair, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return made, os.NewSyscallError("socketpair", err)
	}
	made = newSocketPair(pair)
	pipes := pipes{-1, -1, -1, -1}
	defer func() {
		if err != nil {
			pipes.disarm()
			made.close()
		}
		pipes.close()
	}()
	if err := pipes.open(); err != nil {
		return made, err
	}
	if err := pipes.belongTo(t.pid, s); err != nil {
		return made, err
	}
	if ended(observer) {
		return made, os.ErrProcessDone
	}
	if err := describe(pair[1], t.inner, observer, s); err != nil {
		return made, err
	}
	err = unix.Sendmsg(pair[1], appendHeader(nil, s), unix.UnixRights(pipes[:]...), nil, unix.MSG_NOSIGNAL)
	if err != nil {
		return made, os.NewSyscallError("sendmsg(parcel)", err)
	}
	if err := pipes.arm(); err != nil {
		return made, err
	}
	return made, nil
}

// describe sends the first message, with a pidfd. It says who sends it: whoever gets the
// handle one day believes a sender only who could kill the process.
func describe(peer, inner int, observer *pidfd.FD, s Scope) error {
	text := binary.NativeEndian.AppendUint32(appendHeader(nil, s), uint32(inner))
	sender := unix.UnixCredentials(&unix.Ucred{Pid: int32(os.Getpid()), Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid())})
	conn, err := observer.SyscallConn()
	if err != nil {
		return err
	}
	closed := conn.Control(func(fd uintptr) {
		err = unix.Sendmsg(peer, text, append(sender, unix.UnixRights(int(fd))...), nil, unix.MSG_NOSIGNAL)
	})
	if closed != nil {
		return closed
	}
	return os.NewSyscallError("sendmsg(description)", err)
}

func (e *pipes) open() error {
	for i := 0; i < len(e); i += 2 {
		if err := unix.Pipe2(e[i:i+2], unix.O_CLOEXEC); err != nil {
			return os.NewSyscallError("pipe2", err)
		}
		// See parcel.compile.
		_, _ = unix.FcntlInt(uintptr(e[i]), unix.F_SETPIPE_SZ, 1)
	}
	return nil
}

// belongTo makes SIGKILL for the process, or the group, what the kernel will send.
func (e *pipes) belongTo(pid int, s Scope) error {
	owner := struct{ kind, pid int32 }{ownerPID, int32(pid)}
	if s == ScopeTree {
		owner.kind = ownerPGRP
	}
	for _, end := range e {
		if _, err := unix.FcntlInt(uintptr(end), unix.F_SETSIG, int(unix.SIGKILL)); err != nil {
			return os.NewSyscallError("fcntl(F_SETSIG)", err)
		}
		_, _, errno := unix.Syscall(unix.SYS_FCNTL, uintptr(end), unix.F_SETOWN_EX, uintptr(unsafe.Pointer(&owner)))
		if errno != 0 {
			return os.NewSyscallError("fcntl(F_SETOWN_EX)", errno)
		}
	}
	return nil
}

// arm comes last. From the first end on the process is bound to this program.
func (e *pipes) arm() error {
	for _, end := range e {
		if _, err := unix.FcntlInt(uintptr(end), unix.F_SETFL, unix.O_ASYNC); err != nil {
			return os.NewSyscallError("fcntl(F_SETFL, O_ASYNC)", err)
		}
		flags, err := unix.FcntlInt(uintptr(end), unix.F_GETFL, 0)
		if err != nil {
			return os.NewSyscallError("fcntl(F_GETFL)", err)
		}
		if flags&unix.O_ASYNC == 0 {
			return unsupported("fcntl(F_SETFL, O_ASYNC) is accepted without effect")
		}
	}
	return nil
}

// disarm takes the bond off, so that what was begun kills nobody: without an owner no
// signal is sent. It is another call than that which arms, for it may be that one that a
// filter denies.
func (e *pipes) disarm() {
	for _, end := range e {
		_, _ = unix.FcntlInt(uintptr(end), unix.F_SETOWN, 0)
		_, _ = unix.FcntlInt(uintptr(end), unix.F_SETFL, 0)
	}
}

// close closes our copies. Those in the parcel are references of their own.
func (e *pipes) close() {
	for _, end := range e {
		if end >= 0 {
			_ = unix.Close(end)
		}
	}
}
