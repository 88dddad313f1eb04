// Package fault is for tests: it stands over a program and the processes that the program
// starts. Each of their system calls is seen before it is made, and is let go on, or gets an
// errno in its place; or something is done to the program while it stands there.
//
// It is seccomp user notification (seccomp_unotify(2)): a filter that every process and
// program after it inherits, and a listener that the supervisor has. Kernels:
//
//	SECCOMP_RET_USER_NOTIF                   5.0
//	SECCOMP_USER_NOTIF_FLAG_CONTINUE         5.5
//	POLLHUP when nobody has the filter left  5.9
package fault
