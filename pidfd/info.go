package pidfd

import (
	"errors"
	"os"
	"syscall"
)

// InfoMask says what PIDFD_GET_INFO is asked for, and what it answered.
type InfoMask uint64

// What can be asked for.
const (
	InfoPID            InfoMask = 1 << 0 // ids; always answered before the process is reaped
	InfoCreds          InfoMask = 1 << 1 // credentials; likewise
	InfoCgroupID       InfoMask = 1 << 2 // cgroup; always answered if the kernel has cgroups
	InfoExit           InfoMask = 1 << 3 // exit status, once reaped (Linux 6.15)
	InfoCoredump       InfoMask = 1 << 4 // core-dump mask (Linux 6.16)
	InfoSupportedMask  InfoMask = 1 << 5 // what this kernel can answer (Linux 6.19)
	InfoCoredumpSignal InfoMask = 1 << 6 // comes with InfoCoredump if a core was dumped (Linux 6.19)
	InfoCoredumpCode   InfoMask = 1 << 7 // comes with InfoCoredump if a core was dumped (Linux 7.1)
)

var infoNames = []bitName{
	{uint64(InfoPID), "PIDFD_INFO_PID"},
	{uint64(InfoCreds), "PIDFD_INFO_CREDS"},
	{uint64(InfoCgroupID), "PIDFD_INFO_CGROUPID"},
	{uint64(InfoExit), "PIDFD_INFO_EXIT"},
	{uint64(InfoCoredump), "PIDFD_INFO_COREDUMP"},
	{uint64(InfoSupportedMask), "PIDFD_INFO_SUPPORTED_MASK"},
	{uint64(InfoCoredumpSignal), "PIDFD_INFO_COREDUMP_SIGNAL"},
	{uint64(InfoCoredumpCode), "PIDFD_INFO_COREDUMP_CODE"},
}

// String returns the kernel's names, joined by "|".
func (m InfoMask) String() string { return spell(uint64(m), infoNames) }

// Info is the kernel's answer about a process at one moment. What it did not
// answer is not there: the methods return false then, never a made-up zero.
type Info struct {
	Asked    InfoMask // what the caller asked for
	Answered InfoMask // what the kernel answered, more or less than that

	cgroup         uint64
	ids            IDs
	creds          Creds
	exit           uint32
	coredump       CoredumpMask
	coredumpSignal uint32
	coredumpCode   int32
	supported      InfoMask
}

// IDs are the numbers of a process in the caller's PID namespace.
type IDs struct {
	PID  int // of the thread the descriptor refers to; of a process the same as TGID
	TGID int // the process id
	PPID int // the parent's process id; 0 if that is outside of the namespace
}

// Creds are user and group ids in the caller's user namespace. Those that it
// does not map are the overflow id (65534).
type Creds struct {
	RUID, RGID   uint32
	EUID, EGID   uint32
	SUID, SGID   uint32
	FSUID, FSGID uint32
}

// CoredumpMask says how a core dump went, or would go.
type CoredumpMask uint32

// What a CoredumpMask is made of.
const (
	Coredumped   CoredumpMask = 1 << 0 // the process crashed and a core was dumped
	CoredumpSkip CoredumpMask = 1 << 1 // it is not dumpable
	CoredumpUser CoredumpMask = 1 << 2 // dumped as the user
	CoredumpRoot CoredumpMask = 1 << 3 // dumped as root: sensitive
)

var coredumpNames = []bitName{
	{uint64(Coredumped), "PIDFD_COREDUMPED"},
	{uint64(CoredumpSkip), "PIDFD_COREDUMP_SKIP"},
	{uint64(CoredumpUser), "PIDFD_COREDUMP_USER"},
	{uint64(CoredumpRoot), "PIDFD_COREDUMP_ROOT"},
}

// String returns the kernel's names, joined by "|".
func (m CoredumpMask) String() string { return spell(uint64(m), coredumpNames) }

func (i Info) answered(m InfoMask) bool { return i.Answered&m != 0 }

// IDs returns the ids. They are gone once the process has been reaped.
func (i Info) IDs() (IDs, bool) { return i.ids, i.answered(InfoPID) }

// Creds returns the credentials. They are gone once the process has been
// reaped.
func (i Info) Creds() (Creds, bool) { return i.creds, i.answered(InfoCreds) }

// CgroupID returns the id of the process' cgroup (version 2), the inode number
// of its directory. After the end it is the last one it was in.
func (i Info) CgroupID() (uint64, bool) { return i.cgroup, i.answered(InfoCgroupID) }

// Exit returns how the process ended.
func (i Info) Exit() (syscall.WaitStatus, bool) { return waitStatus(i.exit), i.answered(InfoExit) }

// Coredump returns how the core dump went if [Coredumped] is in it, and how
// one would go if not. The kernel records only dumps that it hands to a socket,
// or to a helper together with a pidfd (core_pattern, see core(5)). The exit
// status tells of every dump.
func (i Info) Coredump() (CoredumpMask, bool) { return i.coredump, i.answered(InfoCoredump) }

// CoredumpSignal returns the signal that dumped the core.
func (i Info) CoredumpSignal() (syscall.Signal, bool) {
	return syscall.Signal(i.coredumpSignal), i.answered(InfoCoredumpSignal)
}

// CoredumpCode returns the si_code (see sigaction(2)) of the signal that
// dumped the core.
func (i Info) CoredumpCode() (int32, bool) { return i.coredumpCode, i.answered(InfoCoredumpCode) }

// Supported returns everything this kernel can answer.
func (i Info) Supported() (InfoMask, bool) { return i.supported, i.answered(InfoSupportedMask) }

// Info asks the kernel about the process, with the ioctl PIDFD_GET_INFO (Linux
// 6.13). What a kernel does not know it does not answer; that is no error. The
// process may have ended or changed by the time Info returns.
//
// The exit status is there as soon as the process has been reaped, by its
// parent or by itself, and stays as long as anybody holds a pidfd of it.
// [FD.Wait] returns before that: use [FD.WaitReaped] and then ask.
//
// The error wraps [errors.ErrUnsupported] before Linux 6.13, [os.ErrProcessDone]
// if the process has been reaped and the kernel can or should (InfoExit was not
// asked for) tell nothing about it, syscall.EREMOTE if it is not in the
// caller's PID namespace or one below (Linux 6.15), and just syscall.ESRCH if
// the kernel does not describe a live process because its parent is outside of
// the caller's PID namespace.
func (fd *FD) Info(ask InfoMask) (Info, error) {
	var info Info
	err := fd.control(func(n int) error {
		var err error
		info, err = askInfo(n, ask)
		return err
	})
	return info, err
}

func askInfo(n int, ask InfoMask) (Info, error) {
	info, err := askOnce(n, ask)
	gap := errors.Is(err, syscall.ESRCH) || err == nil && info.Answered&(InfoPID|InfoExit) == 0
	ended, reaped, pollErr := poll(n)
	if pollErr != nil {
		return Info{}, os.NewSyscallError("poll", pollErr)
	}
	if gap && reaped && ask&InfoExit != 0 {
		// Before 7.3 the question can fall into the middle of a reap: the exit
		// status was not there yet when the kernel looked for it, and the
		// process not any more. It is there now that the process is unhashed.
		info, err = askOnce(n, ask)
	}
	const call = "pidfd: PIDFD_GET_INFO"
	switch {
	case err == nil:
		return info, nil
	case errors.Is(err, syscall.ENOTTY), errors.Is(err, syscall.EINVAL):
		// EINVAL: 6.11 and 6.12 have only ioctls without an argument.
		return Info{}, lacking(call, "it", "6.13", err)
	case errors.Is(err, syscall.ESRCH) && ended:
		return Info{}, gone(call, err)
	case errors.Is(err, syscall.ESRCH):
		return Info{}, because(call, "the parent is outside of this PID namespace", err)
	case errors.Is(err, syscall.EREMOTE):
		return Info{}, because(call, "the process is not in this PID namespace", err)
	default:
		return Info{}, os.NewSyscallError(call, err)
	}
}

func askOnce(n int, ask InfoMask) (Info, error) {
	reply, err := getInfo(n, ask)
	if err != nil {
		return Info{}, err
	}
	return parseInfo(ask, reply[:])
}
