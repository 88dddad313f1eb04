//go:build linux && (amd64 || arm64)

package clone

import "golang.org/x/sys/unix"

// cloneArgs is struct clone_args of include/uapi/linux/sched.h as of Linux 5.7
// (CLONE_ARGS_SIZE_VER2).
//
//nolint:unused // the kernel reads all of it
type cloneArgs struct {
	flags, pidfd, childTid, parentTid, exitSignal uint64
	stack, stackSize, tls                         uint64
	setTid, setTidSize, cgroup                    uint64
}

// call is one clone with its vector: all that parent and child share. It lives on
// the heap, where nothing moves it while the kernel and the child have its address.
type call struct {
	// The clone itself: number and arguments.
	nr   uintptr
	args [5]uintptr

	steps *Step
	count uintptr

	// Written by the child: the step it is at, and why it gave up there.
	at      uintptr
	outcome uintptr
	result  uintptr // the errno, or the result that was not the wanted one

	mask  uint64 // of the calling thread, before all signals were blocked
	pidfd int32
	self  Self
	clone cloneArgs
}

// Values of call.outcome.
const (
	outcomeNone = iota
	outcomeErrno
	outcomeUnwanted
)

// What the assembly needs and cannot name itself.
//
//nolint:unused // spawn_*.s use them
const (
	sysProcmask  = unix.SYS_RT_SIGPROCMASK
	sysExitGroup = unix.SYS_EXIT_GROUP
	sigSetmask   = unix.SIG_SETMASK
)

// spawn blocks all signals on this thread, clones, and restores the mask in the
// parent; it returns what the clone returned, which may be a negative errno. The
// child never returns from it: it runs the vector, and ends with status 127 where
// the vector does not end in an execve.
//
// The child needs no stack: it takes no signal and makes no function call.
//
//go:noescape
func spawn(c *call) uintptr
