//go:build linux && (amd64 || arm64)

package pidns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

// Namespace is what the caller has of a PID namespace: one end of a socket pair. It
// keeps nobody alive.
type Namespace struct {
	control *os.File

	// For the start only. By the eventfd the init tells the command that all is ready.
	theirs, ready, program int
}

// Prepare makes a request one for a command in a namespace of its own. After the
// start [Namespace.Started] must be called, in the end [Namespace.Close].
func Prepare(r *clone.Request, o Options) (*Namespace, error) {
	if err := refuse(r, o); err != nil {
		return nil, err
	}
	program, err := openProgram()
	if err != nil {
		return nil, err
	}
	ready, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(program)
		return nil, os.NewSyscallError("eventfd2", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		_, _ = unix.Close(program), unix.Close(ready)
		return nil, os.NewSyscallError("socketpair", err)
	}
	// The kernel adds the sender's pid to what we receive, as we see it.
	if err := errors.Join(unix.SetNonblock(pair[0], true), unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1)); err != nil {
		_, _, _, _ = unix.Close(program), unix.Close(ready), unix.Close(pair[0]), unix.Close(pair[1])
		return nil, os.NewSyscallError("setsockopt(SO_PASSCRED)", err)
	}
	n := &Namespace{os.NewFile(uintptr(pair[0]), "autokill namespace"), pair[1], ready, program}
	if slices.ContainsFunc([]int{pair[0], pair[1], ready, program}, func(fd int) bool { return slices.Contains(r.Files, fd) }) {
		n.Started()
		n.Close()
		return nil, fmt.Errorf("a file for the child was closed during the start: %w", os.ErrClosed)
	}
	plan(r, o, &processes{control: n.theirs, ready: n.ready, program: n.program}, os.Geteuid(), os.Getegid())
	return n, nil
}

// plan puts the processes into the request. It makes no system call.
func plan(r *clone.Request, o Options, p *processes, uid, gid int) {
	flags := r.Flags | namespaces
	forkInit := stepForkInit
	var prepare []clone.Step
	if o.UserNamespace {
		flags |= unix.CLONE_NEWUSER
		forkInit = stepForkUser
		prepare = p.identitySteps(uid, gid)
	}
	prepare = append(prepare, p.mountSteps(filepath.Clean(r.Chroot+"/proc"))...)

	r.Child = &p.command
	r.Prologue, r.Waits = p.commandSteps(), p.waitSteps(len(r.Files))
	r.Files = append(slices.Clip(r.Files), p.ready)
	if !o.Monitor {
		p.init.Steps = p.initSteps(leave(r), prepare)
		r.Flags = flags
		r.Ancestors = []*clone.Task{&p.init}
		return
	}
	p.init.Steps = append(p.guardSteps(), p.initSteps(leave(r), prepare, "guarded")...)
	// A cgroup is for all of them; the other flags are namespaces.
	r.Flags = flags & unix.CLONE_INTO_CGROUP
	fork := p.init.Fork(forkInit, flags&^unix.CLONE_INTO_CGROUP|uint64(unix.SIGCHLD))
	r.Ancestors = []*clone.Task{{Steps: p.monitorSteps(fork)}, &p.init}
}

// Started closes what only the start needed.
func (n *Namespace) Started() {
	_ = unix.Close(n.theirs)
	_ = unix.Close(n.ready)
	_ = unix.Close(n.program)
}

// Close frees what the Namespace holds. It kills nobody.
func (n *Namespace) Close() { _ = n.control.Close() }

// Members are the processes of the namespace that a caller deals with.
type Members struct {
	// Pid is the command's, as the caller sees it.
	Pid int
	// Command and Init are pidfds, which are the caller's.
	Command, Init int
}

// Members says, after a successful start, who is in the namespace.
func (n *Namespace) Members() (Members, error) {
	control := make([]byte, unix.CmsgSpace(2*4)+unix.CmsgSpace(unix.SizeofUcred))
	_, size, err := n.receive(make([]byte, 1), control)
	if err != nil {
		return Members{}, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:size])
	if err != nil {
		return Members{}, os.NewSyscallError("recvmsg", err)
	}
	var pid int
	var fds []int
	for i := range messages {
		if creds, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			pid = int(creds.Pid)
		}
		if rights, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = rights
		}
	}
	if pid > 0 && len(fds) == 2 {
		return Members{pid, fds[0], fds[1]}, nil
	}
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
	// A process that may open no more descriptors is not given what was sent to it.
	return Members{}, fmt.Errorf("the command did not say who it is: %w", os.NewSyscallError("recvmsg", unix.EMFILE))
}

// report is what the init sends when the command has ended: what wait4 told it.
type report struct {
	status int32
	usage  syscall.Rusage
}

// Ending says how the command ended, as soon as it has. It is false if the init ended
// before it could tell: then it was killed, and the command with it.
func (n *Namespace) Ending() (status syscall.WaitStatus, usage syscall.Rusage, told bool) {
	var r report
	size, _, err := n.receive(unsafe.Slice((*byte)(unsafe.Pointer(&r)), unsafe.Sizeof(r)), nil)
	if err != nil || size != int(unsafe.Sizeof(r)) {
		return 0, syscall.Rusage{}, false
	}
	return syscall.WaitStatus(r.status), r.usage, true
}

// receive waits in Go's poller for the next message, or the end of all senders.
func (n *Namespace) receive(text, control []byte) (size, controlSize int, err error) {
	conn, err := n.control.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var failed error
	err = conn.Read(func(fd uintptr) bool {
		for {
			size, controlSize, _, _, failed = unix.Recvmsg(int(fd), text, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
			if !errors.Is(failed, unix.EINTR) {
				return !errors.Is(failed, unix.EAGAIN)
			}
		}
	})
	return size, controlSize, errors.Join(err, os.NewSyscallError("recvmsg", failed))
}
