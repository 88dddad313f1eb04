package pidfd

import (
	"fmt"
	"syscall"
)

// CloneFlags are the flags of clone3(2), with the kernel's values
// (include/uapi/linux/sched.h).
type CloneFlags uint64

// The flags of clone3(2), with the kernels that brought the younger ones.
const (
	CloneNewTime       CloneFlags = 0x00000080 // new time namespace (Linux 5.6)
	CloneVM            CloneFlags = 0x00000100 // share memory
	CloneFS            CloneFlags = 0x00000200 // share root, working directory and umask
	CloneFiles         CloneFlags = 0x00000400 // share the descriptor table
	CloneSighand       CloneFlags = 0x00000800 // share signal handlers
	ClonePIDFD         CloneFlags = 0x00001000 // return a pidfd (Linux 5.2)
	ClonePtrace        CloneFlags = 0x00002000 // let a tracer trace the child too
	CloneVfork         CloneFlags = 0x00004000 // sleep until the child execs or ends
	CloneParent        CloneFlags = 0x00008000 // the child's parent is the caller's
	CloneThread        CloneFlags = 0x00010000 // a thread of the caller's process
	CloneNewNS         CloneFlags = 0x00020000 // new mount namespace
	CloneSysvsem       CloneFlags = 0x00040000 // share System V semaphore adjustments
	CloneSetTLS        CloneFlags = 0x00080000 // set the thread-local storage
	CloneParentSetTID  CloneFlags = 0x00100000 // write the id to the parent's memory
	CloneChildClearTID CloneFlags = 0x00200000 // clear the id when the child's memory goes
	CloneUntraced      CloneFlags = 0x00800000 // no tracer can force ClonePtrace
	CloneChildSetTID   CloneFlags = 0x01000000 // write the id to the child's memory
	CloneNewCgroup     CloneFlags = 0x02000000 // new cgroup namespace
	CloneNewUTS        CloneFlags = 0x04000000 // new UTS namespace
	CloneNewIPC        CloneFlags = 0x08000000 // new IPC namespace
	CloneNewUser       CloneFlags = 0x10000000 // new user namespace
	CloneNewPID        CloneFlags = 0x20000000 // new PID namespace
	CloneNewNet        CloneFlags = 0x40000000 // new network namespace
	CloneIO            CloneFlags = 0x80000000 // share the I/O context

	CloneClearSighand  CloneFlags = 1 << 32 // reset signal handlers (Linux 5.5)
	CloneIntoCgroup    CloneFlags = 1 << 33 // start in another cgroup (Linux 5.7)
	CloneAutoreap      CloneFlags = 1 << 34 // the child reaps itself (Linux 7.1)
	CloneNNP           CloneFlags = 1 << 35 // set no_new_privs on the child (Linux 7.1)
	ClonePIDFDAutokill CloneFlags = 1 << 36 // kill the child when the pidfd goes (Linux 7.1)
	CloneEmptyMntNS    CloneFlags = 1 << 37 // new mount namespace with nothing in it (Linux 7.1)
)

var cloneNames = []bitName{
	{uint64(CloneNewTime), "CLONE_NEWTIME"},
	{uint64(CloneVM), "CLONE_VM"},
	{uint64(CloneFS), "CLONE_FS"},
	{uint64(CloneFiles), "CLONE_FILES"},
	{uint64(CloneSighand), "CLONE_SIGHAND"},
	{uint64(ClonePIDFD), "CLONE_PIDFD"},
	{uint64(ClonePtrace), "CLONE_PTRACE"},
	{uint64(CloneVfork), "CLONE_VFORK"},
	{uint64(CloneParent), "CLONE_PARENT"},
	{uint64(CloneThread), "CLONE_THREAD"},
	{uint64(CloneNewNS), "CLONE_NEWNS"},
	{uint64(CloneSysvsem), "CLONE_SYSVSEM"},
	{uint64(CloneSetTLS), "CLONE_SETTLS"},
	{uint64(CloneParentSetTID), "CLONE_PARENT_SETTID"},
	{uint64(CloneChildClearTID), "CLONE_CHILD_CLEARTID"},
	{uint64(CloneUntraced), "CLONE_UNTRACED"},
	{uint64(CloneChildSetTID), "CLONE_CHILD_SETTID"},
	{uint64(CloneNewCgroup), "CLONE_NEWCGROUP"},
	{uint64(CloneNewUTS), "CLONE_NEWUTS"},
	{uint64(CloneNewIPC), "CLONE_NEWIPC"},
	{uint64(CloneNewUser), "CLONE_NEWUSER"},
	{uint64(CloneNewPID), "CLONE_NEWPID"},
	{uint64(CloneNewNet), "CLONE_NEWNET"},
	{uint64(CloneIO), "CLONE_IO"},
	{uint64(CloneClearSighand), "CLONE_CLEAR_SIGHAND"},
	{uint64(CloneIntoCgroup), "CLONE_INTO_CGROUP"},
	{uint64(CloneAutoreap), "CLONE_AUTOREAP"},
	{uint64(CloneNNP), "CLONE_NNP"},
	{uint64(ClonePIDFDAutokill), "CLONE_PIDFD_AUTOKILL"},
	{uint64(CloneEmptyMntNS), "CLONE_EMPTY_MNTNS"},
}

// knownCloneFlags has every flag above.
const knownCloneFlags = CloneNewTime | CloneVM | CloneFS | CloneFiles | CloneSighand | ClonePIDFD |
	ClonePtrace | CloneVfork | CloneParent | CloneThread | CloneNewNS | CloneSysvsem | CloneSetTLS |
	CloneParentSetTID | CloneChildClearTID | CloneUntraced | CloneChildSetTID | CloneNewCgroup |
	CloneNewUTS | CloneNewIPC | CloneNewUser | CloneNewPID | CloneNewNet | CloneIO |
	CloneClearSighand | CloneIntoCgroup | CloneAutoreap | CloneNNP | ClonePIDFDAutokill | CloneEmptyMntNS

// String returns the kernel's names, joined by "|".
func (f CloneFlags) String() string { return spell(uint64(f), cloneNames) }

// check applies the rules that Linux 7.1 has for the flags alone, in its order
// (clone3_args_valid, kernel_clone and copy_process in kernel/fork.c), so that
// a combination fails in the same way whatever starts the child in the end.
// Every EINVAL comes before the one EPERM. exitSignal 0 is none; sysAdmin is
// whether the caller has CAP_SYS_ADMIN in its user namespace.
//
// One rule is ours: a child that shares the descriptor table is refused.
func (f CloneFlags) check(exitSignal syscall.Signal, sysAdmin bool) error {
	has := func(all CloneFlags) bool { return f&all == all }
	invalid := func(rule string) error {
		return fmt.Errorf("clone3 with %v: %s: %w", f, rule, syscall.EINVAL)
	}
	switch newNS := has(CloneNewNS) || has(CloneEmptyMntNS); {
	case f&^knownCloneFlags != 0:
		return invalid("unknown flags")
	case has(CloneSighand | CloneClearSighand):
		return invalid("handlers cannot be shared and reset")
	case exitSignal < 0 || exitSignal > maxSignal:
		return invalid(fmt.Sprintf("there is no exit signal %d", int(exitSignal)))
	case has(CloneThread) && exitSignal != 0:
		return invalid("a thread has no exit signal")
	case has(CloneParent) && exitSignal != 0:
		return invalid("a child of the caller's parent takes over the caller's exit signal")

	case newNS && has(CloneFS):
		return invalid("a new mount namespace cannot share the root directory")
	case has(CloneNewUser | CloneFS):
		return invalid("a new user namespace cannot share the root directory")
	case has(CloneThread) && !has(CloneSighand):
		return invalid("a thread needs CLONE_SIGHAND")
	case has(CloneSighand) && !has(CloneVM):
		return invalid("CLONE_SIGHAND needs CLONE_VM")
	case has(CloneThread) && f&(CloneNewUser|CloneNewPID) != 0:
		return invalid("a thread cannot be in another user or PID namespace")

	case has(CloneAutoreap | CloneThread):
		return invalid("CLONE_AUTOREAP is for processes")
	case has(CloneAutoreap | CloneParent):
		return invalid("a child of the caller's parent cannot reap itself")
	case has(CloneAutoreap) && exitSignal != 0:
		return invalid("a child that reaps itself has no exit signal")
	case has(CloneNNP | CloneThread):
		return invalid("CLONE_NNP is for processes")
	case has(ClonePIDFDAutokill) && !has(ClonePIDFD):
		return invalid("CLONE_PIDFD_AUTOKILL needs CLONE_PIDFD, the handle")
	case has(ClonePIDFDAutokill) && !has(CloneAutoreap):
		return invalid("CLONE_PIDFD_AUTOKILL needs CLONE_AUTOREAP")

	case has(CloneFiles):
		return invalid("a child that shares the descriptor table holds its own handle")

	case has(ClonePIDFDAutokill) && !has(CloneNNP) && !sysAdmin:
		return fmt.Errorf("clone3 with %v: CLONE_PIDFD_AUTOKILL without CLONE_NNP needs CAP_SYS_ADMIN: %w",
			f, syscall.EPERM)
	}
	return nil
}
