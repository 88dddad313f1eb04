//go:build linux

package seal

import "golang.org/x/sys/unix"

// call is a system call, whatever its number.
type call int

const (
	setsid call = iota
	setpgid
	ioctl
	kill
	pidfdSendSignal
	clone3
	clone
	unshare
	setns
)

// rule says of which calls the kernel is not asked, and what they answer.
type rule struct {
	call   call
	test   test
	arg    int // which argument is looked at, from 0
	value  uint32
	answer unix.Errno // 0: success without effect; pass: the kernel is asked
}

// pass is no errno. A rule with it is an exception from those after it.
const pass = unix.Errno(1<<16 - 1)

// test is about the low half of an argument. The kernel looks at no more of these
// arguments than that: all are int or unsigned int, but for the flags of clone(2),
// of which it takes the low half, and those of unshare(2), which it refuses if there
// are others (kernel/fork.c).
type test int

const (
	always test = iota
	equals      // the value
	hasAny      // at least one bit of the value
)

const (
	negative = 1 << 31 // the sign of a pid_t

	// signalGroup is PIDFD_SIGNAL_PROCESS_GROUP (include/uapi/linux/pidfd.h).
	signalGroup = 1 << 2
)

// rules are the whole seal.
//
// Nobody leaves the group. What would change it succeeds without effect, since most
// programs want no more than to be told so; and a terminal keeps its foreground group,
// for a program that believes in a group of its own would put that there, and nobody
// could read any more. Who believes that it leads a session asks for a controlling
// terminal next (forkpty(3)), and gives up if that fails.
//
// Nobody makes an init of a PID namespace: it ignores the signal that kills the group.
// clone3 has its flags in memory, where a filter cannot look, so it is not there:
// callers know kernels without it. setns with type 0 takes whatever the descriptor is
// of. Nobody joins a user namespace: in one that his user owns already, and that has a range of ids
// (rootless containers), he has all capabilities, can become one of these, and then the signal of an ordinary
// holder does not reach him (fs/fcntl.c, sigio_perm).
//
// Nobody gives a child to the holder, who knows nothing of it: dead, it would stay a zombie.
// The answer is that of native.
//
// Nobody signals the group that is not theirs alone. A program that believes that it
// leads one would hit everybody. Only to stop is allowed with pid 0: a program that has
// the terminal and is asked to stop does so to its whole job (vi), and that is the tree.
var rules = []rule{
	{call: setsid},
	{call: setpgid},
	{ioctl, equals, 1, unix.TIOCSPGRP, 0},
	{ioctl, equals, 1, unix.TIOCSCTTY, 0},

	{kill, hasAny, 0, negative, unix.EPERM},
	{kill, equals, 1, uint32(unix.SIGTSTP), pass},
	{kill, equals, 1, uint32(unix.SIGSTOP), pass},
	{kill, equals, 0, 0, unix.EPERM},
	{pidfdSendSignal, hasAny, 3, signalGroup, unix.EPERM},

	{call: clone3, answer: unix.ENOSYS},
	{clone, hasAny, 0, unix.CLONE_NEWPID, unix.EPERM},
	{clone, hasAny, 0, unix.CLONE_PARENT, unix.EINVAL},
	{unshare, hasAny, 0, unix.CLONE_NEWPID, unix.EPERM},
	{setns, equals, 1, 0, unix.EPERM},
	{setns, hasAny, 1, unix.CLONE_NEWPID | unix.CLONE_NEWUSER, unix.EPERM},
}
