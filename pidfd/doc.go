// Package pidfd gives Go the process descriptors of Linux, complete and
// without policy: open one, start a program and get one, signal what it refers
// to, ask about it, wait for its end, reap it, take descriptors and namespaces
// from it.
//
// A pidfd refers to one process (or thread) for ever. It is not fooled when
// the pid is given to somebody else, it can be polled, and it can be sent to
// another process. It has no effect on the process by itself, with one
// exception: the descriptor that clone3(2) returns for CLONE_PIDFD_AUTOKILL
// kills the process when its last reference goes away. [FD.Autokill] tells
// such a handle from all others, which only observe.
//
//	fd, err := pidfd.Open(pid, 0)
//	if err != nil {
//		return err
//	}
//	defer fd.Close()
//	if err := fd.Signal(syscall.SIGTERM, pidfd.ToReferent); err != nil {
//		return err
//	}
//	return fd.Wait(ctx)
//
// On Linux 7.1 and later a program that cannot outlive this one, or fd:
//
//	fd, pid, err := pidfd.Start(&pidfd.Program{
//		Path:  "/bin/sleep",
//		Args:  []string{"sleep", "60"},
//		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
//		Flags: pidfd.ClonePIDFD | pidfd.ClonePIDFDAutokill | pidfd.CloneAutoreap | pidfd.CloneNNP,
//	})
//
// # Which kernel has what
//
//	5.1   pidfd_send_signal
//	5.2   CLONE_PIDFD
//	5.3   pidfd_open, poll for the end, clone3
//	5.4   waitid with P_PIDFD
//	5.5   CLONE_CLEAR_SIGHAND
//	5.6   pidfd_getfd, CLONE_NEWTIME
//	5.7   CLONE_INTO_CGROUP
//	5.10  PIDFD_NONBLOCK; the oldest kernel this package works on
//	6.9   PIDFD_THREAD, the targets of pidfd_send_signal, POLLHUP when reaped,
//	      a file system of its own (pidfs) with inode numbers that are never
//	      used again
//	6.11  the namespace ioctls
//	6.13  PIDFD_GET_INFO: ids, credentials, cgroup (64 bytes)
//	6.15  exit information after the end, for everybody who holds a pidfd;
//	      pidfd_open no longer opens what has been reaped in the meantime; a
//	      thread that is not a leader is ENOENT without PIDFD_THREAD (was
//	      EINVAL); a leader that ends before its process is not reported
//	6.16  core-dump mask (72 bytes)
//	6.19  supported mask, core-dump signal (80 bytes)
//	7.1   core-dump code (88 bytes), which moved the supported mask from offset
//	      72 to 80; CLONE_AUTOREAP, CLONE_NNP, CLONE_PIDFD_AUTOKILL,
//	      CLONE_EMPTY_MNTNS
//	7.3   PIDFD_GET_INFO no longer answers ESRCH in the middle of a reap
//
// What a kernel lacks is an error that wraps [errors.ErrUnsupported] and
// names the version. On other systems than Linux on amd64 and arm64 that is
// the answer of [Open], [FromFile] and [Start].
//
// # Errors
//
// A process that is gone is an error that wraps [os.ErrProcessDone] and
// syscall.ESRCH; a closed FD is [os.ErrClosed]; the zero FD is
// [os.ErrInvalid]; all else wraps the kernel's errno.
package pidfd
