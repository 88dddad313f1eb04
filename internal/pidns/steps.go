//go:build linux && (amd64 || arm64)

package pidns

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

// namespaces are those that every init is the first process of. The mount namespace
// is for /proc.
const namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS

// sigaction is the kernel's struct: handler, flags, restorer, mask.
type sigaction [4]uint64

// Names of steps that errors are told apart by.
const (
	stepForkInit    = "clone(CLONE_NEWPID|CLONE_NEWNS)"
	stepForkUser    = "clone(CLONE_NEWPID|CLONE_NEWNS|CLONE_NEWUSER)"
	stepPropagation = "mount(MS_SLAVE)"
	stepProc        = "mount(proc)"
	stepReady       = "read(the word that the namespace is ready)"
	stepAlive       = "ppoll(monitor)"
	stepProgram     = "execveat"
)

// processes are the tasks of a start in a namespace, and the memory that their steps
// work on.
type processes struct {
	control, ready, program int // descriptors of the caller

	init, command clone.Task

	// The monitor's pidfd, as struct pollfd and its time limit, for the init.
	monitor   unix.PollFd
	ownPid    int32
	noTime    unix.Timespec
	sigchld   sigaction // the caller's disposition of SIGCHLD
	byDefault sigaction
	written   int32 // descriptor of a file in /proc/self

	self struct { // what the command tells of itself
		msg     unix.Msghdr
		iov     unix.Iovec
		control struct {
			unix.Cmsghdr
			command, init int32 // pidfds
		}
		text [1]byte
	}
	word uint64 // what the command reads when its namespace is ready
}

// monitorSteps end with the program. The monitor leaves the process group, like the
// init: a signal to the group is for the command.
func (p *processes) monitorSteps(forkInit clone.Step) []clone.Step {
	steps := []clone.Step{
		{Name: "getpid", Nr: unix.SYS_GETPID, Result: &p.ownPid},
		{Name: "pidfd_open", Nr: unix.SYS_PIDFD_OPEN, Args: [6]clone.Arg{clone.Load(&p.ownPid)}, Result: &p.monitor.Fd},
		forkInit,
		leaveGroup,
	}
	return p.become(steps, nil, nil, "autokill-monitor")
}

// guardSteps come first in the init of a tripwire: it must not outlive the monitor.
func (p *processes) guardSteps() []clone.Step {
	p.monitor.Events = unix.POLLIN
	return []clone.Step{
		{
			Name: "prctl(PR_SET_PDEATHSIG)", Nr: unix.SYS_PRCTL,
			Args: [6]clone.Arg{clone.Int(unix.PR_SET_PDEATHSIG), clone.Int(int(unix.SIGKILL))},
		},
		// The monitor may have ended before that. Its end is a single moment to who holds
		// the kernel's task list, which this call does (kernel/exit.c: exit_notify and
		// do_wait): either it comes later and signals us, or the poll tells it. There is
		// no child: the answer is an error.
		{
			Name: "wait4", Nr: unix.SYS_WAIT4, Lenient: 1,
			Args: [6]clone.Arg{clone.Int(-1), clone.Int(0), clone.Int(unix.WNOHANG)},
		},
		{
			Name: stepAlive, Nr: unix.SYS_PPOLL, Mask: ^uintptr(0),
			Args: [6]clone.Arg{clone.Addr(&p.monitor), clone.Int(1), clone.Addr(&p.noTime), clone.Int(0), clone.Int(8)},
		},
	}
}

// identitySteps map the user and the group to themselves in the new user namespace.
// One line with one's own id is what everybody may write (user_namespaces(7)), a group
// only when setgroups is given up.
func (p *processes) identitySteps(uid, gid int) []clone.Step {
	var steps []clone.Step
	for _, f := range []struct{ name, text string }{
		{"setgroups", "deny"},
		{"uid_map", fmt.Sprintf("%d %d 1\n", uid, uid)},
		{"gid_map", fmt.Sprintf("%d %d 1\n", gid, gid)},
	} {
		path := "/proc/self/" + f.name
		text := []byte(f.text)
		steps = append(
			steps,
			clone.Step{
				Name: "openat", Path: path, Nr: unix.SYS_OPENAT, Result: &p.written,
				Args: [6]clone.Arg{clone.Int(unix.AT_FDCWD), cstring(path), clone.Int(unix.O_WRONLY | unix.O_CLOEXEC)},
			},
			clone.Step{
				Name: "write", Path: path, Nr: unix.SYS_WRITE, Mask: ^uintptr(0), Want: uintptr(len(text)),
				Args: [6]clone.Arg{clone.Load(&p.written), clone.Addr(unsafe.SliceData(text)), clone.Int(len(text))},
			},
		)
	}
	return steps
}

// mountSteps give the namespace a /proc of its own. Nothing that is mounted inside
// shows outside, or stays when the namespace ends; what is mounted or unmounted outside
// is so inside, too: MS_SLAVE and not MS_PRIVATE, which would keep file systems busy
// that are long unmounted.
func (p *processes) mountSteps(proc string) []clone.Step {
	return []clone.Step{
		{
			Name: stepPropagation, Path: "/", Nr: unix.SYS_MOUNT,
			Args: [6]clone.Arg{clone.Int(0), cstring("/"), clone.Int(0), clone.Int(unix.MS_SLAVE | unix.MS_REC)},
		},
		{
			Name: stepProc, Path: proc, Nr: unix.SYS_MOUNT,
			Args: [6]clone.Arg{
				cstring("proc"), cstring(proc), cstring("proc"),
				clone.Int(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC),
			},
		},
	}
}

var (
	leaveGroup   = clone.Step{Name: "setpgid", Nr: unix.SYS_SETPGID}
	leaveSession = clone.Step{Name: "setsid", Nr: unix.SYS_SETSID}
)

// leave takes the init out of the caller's process group, and out of its session if the
// command stays in that group: a group is no orphan as long as the parent of one of its
// members is in another group of the session (setpgid(2)). The end of the last such member
// makes it one, and then the kernel sends SIGHUP to all of the group if any of it is stopped.
// Of a command with a group of its own the init is that parent: such a command can be stopped by
// its terminal.
func leave(r *clone.Request) clone.Step {
	if r.Setpgid || r.Foreground || r.Setsid {
		return leaveGroup
	}
	return leaveSession
}

// initSteps fork the command, prepare the namespace for it, and end with the program.
// Whoever ignores SIGCHLD gets no status, so the init does not; the command gets the
// caller's disposition back.
func (p *processes) initSteps(leave clone.Step, prepare []clone.Step, argv ...string) []clone.Step {
	steps := []clone.Step{
		{
			Name: "rt_sigaction", Nr: unix.SYS_RT_SIGACTION,
			Args: [6]clone.Arg{clone.Int(int(unix.SIGCHLD)), clone.Addr(&p.byDefault), clone.Addr(&p.sigchld), clone.Int(8)},
		},
		p.command.Fork("clone", uint64(unix.SIGCHLD)),
		leave,
	}
	return p.become(steps, []int{p.control, p.ready}, prepare, append([]string{InitName}, argv...)...)
}

// commandSteps come first in the command: it tells the caller who it and the init are.
func (p *processes) commandSteps() []clone.Step {
	s := &p.self
	s.iov.Base, s.iov.Len = &s.text[0], uint64(len(s.text))
	s.control.Cmsghdr = unix.Cmsghdr{Len: uint64(unix.CmsgLen(2 * 4)), Level: unix.SOL_SOCKET, Type: unix.SCM_RIGHTS}
	s.msg.Iov, s.msg.Iovlen = &s.iov, 1
	s.msg.Control, s.msg.Controllen = (*byte)(unsafe.Pointer(&s.control)), uint64(unsafe.Sizeof(s.control))
	return []clone.Step{
		{
			Name: "rt_sigaction", Nr: unix.SYS_RT_SIGACTION,
			Args: [6]clone.Arg{clone.Int(int(unix.SIGCHLD)), clone.Addr(&p.sigchld), clone.Int(0), clone.Int(8)},
		},
		{Name: "pidfd_open", Nr: unix.SYS_PIDFD_OPEN, Args: [6]clone.Arg{p.command.Pid()}, Result: &s.control.command},
		{Name: "pidfd_open", Nr: unix.SYS_PIDFD_OPEN, Args: [6]clone.Arg{clone.Int(1)}, Result: &s.control.init},
		{
			Name: "sendmsg(command)", Nr: unix.SYS_SENDMSG,
			Args: [6]clone.Arg{clone.Int(p.control), clone.Addr(&s.msg), clone.Int(unix.MSG_NOSIGNAL)},
		},
	}
}

// waitSteps make the command wait until the namespace is prepared and the init can be
// neither looked into nor traced. Number n is its eventfd, which it gives up then.
//
// A signal would not do for a word: anybody can send one to the group, and a SIGCONT that is
// pending goes when a stop comes, also an ignored one (kernel/signal.c, prepare_signal). The
// read goes on after a stop. If the init ends before its word, the kernel kills the command,
// so no end of file has to tell.
func (p *processes) waitSteps(n int) []clone.Step {
	return []clone.Step{
		{
			Name: stepReady, Nr: unix.SYS_READ, Mask: ^uintptr(0), Want: unsafe.Sizeof(p.word),
			Args: [6]clone.Arg{clone.Int(n), clone.Addr(&p.word), clone.Int(int(unsafe.Sizeof(p.word)))},
		},
		{Name: "close", Nr: unix.SYS_CLOSE, Args: [6]clone.Arg{clone.Int(n)}},
	}
}

// become adds the steps that make the process a program that holds nothing: no
// descriptor but those that it needs, no directory. What can block is done when
// the descriptors are given up: among them are the handles of others.
func (p *processes) become(steps []clone.Step, files []int, prepare []clone.Step, argv ...string) []clone.Step {
	name, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		panic(err) // cannot be: the names have no NUL
	}
	env := make([]*byte, 1)
	program := len(files)
	steps = clone.Inherit(steps, append(files, p.program))
	steps = append(steps, prepare...)
	return append(
		steps,
		clone.Step{Name: "chdir", Path: "/", Nr: unix.SYS_CHDIR, Args: [6]clone.Arg{cstring("/")}},
		clone.Step{
			Name: "fcntl(F_SETFD)", Nr: unix.SYS_FCNTL,
			Args: [6]clone.Arg{clone.Int(program), clone.Int(unix.F_SETFD), clone.Int(unix.FD_CLOEXEC)},
		},
		clone.Step{
			Name: stepProgram, Nr: unix.SYS_EXECVEAT,
			Args: [6]clone.Arg{clone.Int(program), cstring(""), clone.Addr(&name[0]), clone.Addr(&env[0]), clone.Int(unix.AT_EMPTY_PATH)},
		},
	)
}

func cstring(s string) clone.Arg {
	b := append([]byte(s), 0)
	return clone.Addr(&b[0])
}
