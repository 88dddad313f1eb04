// Package handles finds every handle on the machine that the caller may see, with who
// holds it and whom it keeps alive.
//
// It only reads names and texts in /proc. It opens no descriptor of others, receives
// nothing and looks into no queue, so there is no reference that it could keep: a handle
// that is closed while it looks kills as ever, also if it is stopped at that moment. (For
// the time in which the kernel answers, it holds the file itself; a signal or a freezer
// acts after that: seq_show and proc_fd_link in the kernel's fs/proc/fd.c.)
//
// text.go reads what /proc says, read_linux.go gets it, census.go puts it together. The
// first and the last make no system call.
//
// Ledger of kernel versions:
//
//	NSpid in /proc/PID/status       4.1
//	Pid in fdinfo of a pidfd        5.2; -1 after it was reaped, 0 if it is in no namespace of ours
//	scm_fds in fdinfo of a socket   5.6
//	ino in fdinfo                   5.14: before there is no native handle, which needs it
//	a pidfd with O_TRUNC in flags   7.1, native (PIDFD_AUTOKILL)
package handles
