//go:build linux && (amd64 || arm64)

package clone

// cloneArgs is struct clone_args of include/uapi/linux/sched.h as of Linux 5.7
// (CLONE_ARGS_SIZE_VER2). What has no name here stays zero.
type cloneArgs struct {
	flags, pidfd, childTid uint64
	_                      uint64 // parent_tid
	exitSignal             uint64
	_, _, _                uint64 // stack, stack_size, tls
	_, _                   uint64 // set_tid, set_tid_size
	cgroup                 uint64
}

// call is one clone with its vector: all that parent and child share. It lives on
// the heap, where nothing moves it while the kernel and the child have its address.
type call struct {
	// The clone itself: number and arguments.
	nr   uintptr
	args [5]uintptr

	task *Task // of the process that is cloned

	mask    uint64 // of the calling thread, before all signals were blocked
	blocked bool   // they are
	pidfd   int32
	clone   cloneArgs
}

// spawn blocks all signals on this thread, clones, and restores the mask in the
// parent; it returns what the clone returned, which may be a negative errno. If the
// signals cannot be blocked it returns that errno, and blocked stays false. The
// child never returns from it: it runs the vector of its task, and ends with status
// 127 where that does not end in an execve. So does a process that a step forks.
//
// The child needs no stack: it takes no signal and makes no function call.
//
//go:noescape
func spawn(c *call) uintptr
