//go:build linux && (amd64 || arm64)

package bond

import (
	"os"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

// A parcel is what a tripwire child leaves in the queue of its handle, in two
// messages. All of it lives in one piece of heap memory, which its steps point into.
//
// The first message describes: magic, version, scope, the child's pid in the
// child's own PID namespace; with it a pidfd of the child. It comes first so that
// a holder can read it (MSG_PEEK) without ever getting the pipe ends in hand: the child
// could re-open them there, through /proc, and would survive.
//
// The second message holds both ends of two pipes, each armed: when one end is
// released, the kernel sends SIGKILL to the owner of the other, the child or, in a
// tree, its process group. One pipe is enough to kill; the second one repeats the
// signal, for a target that was in the middle of an exec from another thread when the
// first was sent. (A group cannot be missed: the kernel walks it under the lock that
// such an exec and every fork take.)
//
// In a PID namespace it is the monitor who describes itself, and a third message, of the
// command, brings pidfds of the command and of the init. On kernels that do not tell
// everybody how a process has ended, the parent adds that in the end (posted.go).
type parcel struct {
	scope  Scope
	steps  []clone.Step // if the child has a descriptor table of its own
	shared []clone.Step // if it shares the holder's until they are done
	opened []*int32
	self   clone.Self
	socket int32 // the child sends into it
	header [headerSize]byte

	description struct {
		msg     unix.Msghdr
		iov     [2]unix.Iovec
		control struct {
			unix.Cmsghdr
			pidfd int32
			_     int32

			// Of who describes itself without a vector: see attest.
			sender unix.Cmsghdr
			ucred  unix.Ucred
		}
	}
	armed struct {
		msg     unix.Msghdr
		iov     unix.Iovec
		control struct {
			unix.Cmsghdr
			ends [4]int32 // pipe2 writes its two numbers right here
		}
	}
	inside struct {
		msg     unix.Msghdr
		iov     unix.Iovec
		control struct {
			unix.Cmsghdr
			pidfds [2]int32 // of command and init
		}
	}
}

const (
	stepSameNamespace = "getppid"

	// F_OWNER_PID and F_OWNER_PGRP of fcntl(2).
	ownerPID  = 1
	ownerPGRP = 2
)

func newParcel(s Scope) *parcel {
	p := &parcel{scope: s}
	p.self.Kind = ownerPID
	if s == ScopeTree {
		p.self.Kind = ownerPGRP
	}
	appendHeader(p.header[:0], s)

	d := &p.description
	d.iov[0].Base, d.iov[0].Len = &p.header[0], uint64(len(p.header))
	d.iov[1].Base, d.iov[1].Len = (*byte)(unsafe.Pointer(&p.self.Pid)), uint64(unsafe.Sizeof(p.self.Pid))
	d.control.Cmsghdr = rights(1)
	d.msg.Iov, d.msg.Iovlen = &d.iov[0], uint64(len(d.iov))
	d.msg.Control, d.msg.Controllen = (*byte)(unsafe.Pointer(&d.control)), uint64(unix.CmsgSpace(4))

	a := &p.armed
	a.iov = d.iov[0]
	a.control.Cmsghdr = rights(len(a.control.ends))
	a.msg.Iov, a.msg.Iovlen = &a.iov, 1
	a.msg.Control, a.msg.Controllen = (*byte)(unsafe.Pointer(&a.control)), uint64(unsafe.Sizeof(a.control))
	i := &p.inside
	i.iov = d.iov[0]
	i.control.Cmsghdr = rights(len(i.control.pidfds))
	i.msg.Iov, i.msg.Iovlen = &i.iov, 1
	i.msg.Control, i.msg.Controllen = (*byte)(unsafe.Pointer(&i.control)), uint64(unsafe.Sizeof(i.control))
	p.compile()
	return p
}

func rights(n int) unix.Cmsghdr {
	return unix.Cmsghdr{Len: uint64(unix.CmsgLen(n * 4)), Level: unix.SOL_SOCKET, Type: unix.SCM_RIGHTS}
}

// attest adds to the description who sends it, which the kernel checks (unix(7),
// SCM_CREDENTIALS). A holder may not have asked it to add that by itself.
func (p *parcel) attest() {
	d := &p.description
	d.control.sender = unix.Cmsghdr{
		Len: uint64(unix.CmsgLen(unix.SizeofUcred)), Level: unix.SOL_SOCKET, Type: unix.SCM_CREDENTIALS,
	}
	d.control.ucred = unix.Ucred{Pid: int32(os.Getpid()), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
	d.msg.Controllen = uint64(unsafe.Sizeof(d.control))
}

// Parcels are reused: none outlives its start, and all that differs between two of
// one scope is the socket.
var parcels = [...]sync.Pool{
	ScopeProcess: {New: func() any { return newParcel(ScopeProcess) }},
	ScopeTree:    {New: func() any { return newParcel(ScopeTree) }},
	// The parcel of a monitor: what it kills is the namespace.
	ScopePIDNamespace: {New: func() any { return newParcel(ScopePIDNamespace) }},
}

func takeParcel(s Scope) *parcel { return parcels[s].Get().(*parcel) }

// putBack ends the start that the parcel was taken for.
func (p *parcel) putBack() {
	ours.settle(p)
	parcels[p.scope].Put(p)
}

// compile makes the steps that put the parcel into the queue of the socket's peer.
// The child's own copies of everything made here go with the close_range that ends
// its descriptor steps, or its share of the holder's table does: arming comes before that,
// so the bond is there before the child lets go.
func (p *parcel) compile() {
	ends := &p.armed.control.ends
	steps := []clone.Step{
		// A thread that has unshared its PID namespace has children elsewhere, and the
		// first of them is an init. There getppid answers 0.
		{Name: stepSameNamespace, Nr: unix.SYS_GETPPID, Mask: ^uintptr(0), Want: uintptr(os.Getpid())},
		{
			Name: "pidfd_open", Nr: unix.SYS_PIDFD_OPEN,
			Args: [6]clone.Arg{clone.Load(&p.self.Pid)}, Result: &p.description.control.pidfd,
		},
		p.send("sendmsg(description)", &p.description.msg),
	}
	for i := 0; i < len(ends); i += 2 {
		steps = append(
			steps,
			clone.Step{
				Name: "pipe2", Nr: unix.SYS_PIPE2,
				Args: [6]clone.Arg{clone.Addr(&ends[i]), clone.Int(unix.O_CLOEXEC)},
			},
			// One page: the pages of all pipes of a user are limited (pipe(7),
			// pipe-user-pages-soft). It holds nothing, so a refusal is no matter.
			clone.Step{
				Name: "fcntl(F_SETPIPE_SZ)", Nr: unix.SYS_FCNTL, Lenient: 1,
				Args: [6]clone.Arg{clone.Load(&ends[i]), clone.Int(unix.F_SETPIPE_SZ), clone.Int(1)},
			},
		)
		steps = p.arm(steps, &ends[i])
		steps = p.arm(steps, &ends[i+1])
	}
	p.steps = append(steps, p.send("sendmsg(parcel)", &p.armed.msg))

	// In the holder's table nothing else would close them. Each is in the queue by now.
	p.opened = []*int32{&p.description.control.pidfd, &ends[0], &ends[1], &ends[2], &ends[3]}
	p.shared = slices.Clone(p.steps)
	for _, fd := range p.opened {
		p.shared = append(p.shared, clone.Step{Name: "close", Nr: unix.SYS_CLOSE, Args: [6]clone.Arg{clone.Load(fd)}})
	}
}

// begin gives the request the steps that make the parcel.
func (p *parcel) begin(r *clone.Request) {
	if !r.Shared {
		r.Begin(p.steps)
		return
	}
	for _, fd := range p.opened {
		*fd = -1
	}
	r.Opened = p.opened
	r.Begin(p.shared)
}

// introduction are steps of the command in a PID namespace, where it is process 2 and its
// init is 1.
func (p *parcel) introduction() []clone.Step {
	pidfds := &p.inside.control.pidfds
	return []clone.Step{
		{Name: "pidfd_open", Nr: unix.SYS_PIDFD_OPEN, Args: [6]clone.Arg{clone.Int(2)}, Result: &pidfds[0]},
		{Name: "pidfd_open", Nr: unix.SYS_PIDFD_OPEN, Args: [6]clone.Arg{clone.Int(1)}, Result: &pidfds[1]},
		p.send("sendmsg(introduction)", &p.inside.msg),
	}
}

// arm makes the kernel send SIGKILL to the target when something happens to this
// end, and checks that it will: O_ASYNC reads back only if it is in force.
func (p *parcel) arm(steps []clone.Step, end *int32) []clone.Step {
	return append(
		steps,
		clone.Step{
			Name: "fcntl(F_SETSIG)", Nr: unix.SYS_FCNTL,
			Args: [6]clone.Arg{clone.Load(end), clone.Int(unix.F_SETSIG), clone.Int(int(unix.SIGKILL))},
		},
		clone.Step{
			Name: "fcntl(F_SETOWN_EX)", Nr: unix.SYS_FCNTL,
			Args: [6]clone.Arg{clone.Load(end), clone.Int(unix.F_SETOWN_EX), clone.Addr(&p.self)},
		},
		clone.Step{
			Name: "fcntl(F_SETFL, O_ASYNC)", Nr: unix.SYS_FCNTL,
			Args: [6]clone.Arg{clone.Load(end), clone.Int(unix.F_SETFL), clone.Int(unix.O_ASYNC)},
		},
		clone.Step{
			Name: "fcntl(F_GETFL)", Nr: unix.SYS_FCNTL,
			Args: [6]clone.Arg{clone.Load(end), clone.Int(unix.F_GETFL)},
			Mask: unix.O_ASYNC, Want: unix.O_ASYNC,
		},
	)
}

func (p *parcel) send(name string, msg *unix.Msghdr) clone.Step {
	return clone.Step{
		Name: name, Nr: unix.SYS_SENDMSG,
		Args: [6]clone.Arg{clone.Load(&p.socket), clone.Addr(msg), clone.Int(unix.MSG_NOSIGNAL)},
	}
}
