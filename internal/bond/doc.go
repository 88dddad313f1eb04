// Package bond starts a child whose life is tied to a handle: one open file, and
// when its last reference goes away the kernel sends SIGKILL.
//
// There are two mechanisms behind one sealed interface, native and tripwire; which
// one a start gets is decided by the pure function choose from facts. Neither
// knows the other.
//
// Ledger of kernel versions:
//
//	CLONE_PIDFD_AUTOKILL, CLONE_AUTOREAP, CLONE_NNP    7.1: native
//	close_range, waitid(P_PIDFD), pidfd_open           5.9, 5.4, 5.3: tripwire
//	CLOSE_RANGE_UNSHARE                                5.9: tripwire
//	F_SETSIG, F_SETOWN_EX, O_ASYNC on pipes            2.6.32 and older: tripwire
//	F_SETSIG, F_SETOWN_EX can fail with ENOMEM         6.12
//	exit status for who is not the parent              6.15 (PIDFD_GET_INFO)
//
// Who lies: the kernel ignores a failure to arm a socket, so tripwire arms pipes
// and reads O_ASYNC back. F_SETOWN succeeds for a target that the signal will
// never reach (another uid, the init of a PID namespace): choose refuses those. A
// sandbox may swallow the signal in silence: see prove.go.
package bond
