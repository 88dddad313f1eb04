// Package clone starts a process by a vector of system calls.
//
// Between clone and exec nothing may allocate, take a lock or grow a stack.
// Instead of Go code that happens to be careful, everything the child must do
// is compiled in the parent into a vector of system calls ([Step]): number, six
// arguments, where the result goes, what it must be, and a name. A small loop in
// assembly (spawn_amd64.s, spawn_arm64.s) runs the vector in the child.
//
//	Request --compile--> []Step --spawn--> child: step, step, …, execve
//	                                parent: futex wait until the child left our memory
//
// The child shares the parent's memory until it execs or exits (CLONE_VM), so no
// error pipe is needed: a failing step leaves its index and errno in that memory.
// The parent does not sleep in the clone (no CLONE_VFORK, which would keep the Go
// scheduler from stopping this thread for as long as the exec takes); it waits on
// the word that CLONE_CHILD_CLEARTID clears, by an ordinary system call.
//
// Ledger of kernel versions:
//
//	clone3, CLONE_PIDFD in it       5.3, 5.2
//	CLONE_CLEAR_SIGHAND             5.5; with clone(2), where a seccomp filter denies
//	                                clone3, each disposition is set by a step instead
//	CLONE_INTO_CGROUP               5.7
//	close_range, and its flag
//	CLOSE_RANGE_UNSHARE             5.9: the floor of this package
//	CLONE_AUTOREAP, CLONE_NNP,
//	CLONE_PIDFD_AUTOKILL            7.1
package clone
