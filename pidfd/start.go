package pidfd

import (
	"fmt"
	"os"
	"syscall"
)

// Program is what [Start] starts, and how. The files stay the caller's and must
// be open until Start has returned.
type Program struct {
	Path string   // the file to execute, not looked up in PATH; if relative, from Dir
	Args []string // all of argv: the name comes first, so it is never empty
	Env  []string // nil is os.Environ()
	Dir  string   // "" is the caller's working directory

	// Files[i] becomes the program's descriptor i; nil leaves i closed. Nothing
	// else is inherited: without Files the program has no descriptor at all. As
	// with os/exec a file that is given away becomes a blocking one.
	Files []*os.File

	// Flags are those of clone3(2). [ClonePIDFD] and [CloneClearSighand] are
	// always in force, whether or not they are named. Only [ClonePIDFDAutokill] is
	// refused if ClonePIDFD is not named with it, as by the kernel.
	Flags CloneFlags

	// ExitSignal is sent to the parent if the start fails after the clone; 0 is
	// none. Of a program that was started the end is told by SIGCHLD, to which
	// execve(2) sees, or with [CloneAutoreap] by no signal.
	ExitSignal syscall.Signal

	// Cgroup is a directory of the cgroup file system (version 2) for
	// [CloneIntoCgroup], and nil without it.
	Cgroup *os.File
}

// Start starts a program and returns when its execve(2) can fail no more. The FD
// is the caller's. With [ClonePIDFDAutokill] it is the program's life: Close kills
// the program, and an FD that becomes garbage is closed and so kills as well.
// Without that flag nothing that happens to the FD affects the program.
//
// The pid is the one in the caller's PID namespace, and the program's until it
// has been reaped: by [FD.Reap], or with [CloneAutoreap] by itself. With
// [CloneParent] that is up to the caller's parent, also if the start fails.
//
// But for [ClonePIDFD] and [CloneClearSighand] no flag is added, and none is
// dropped or replaced by something similar. Where a seccomp filter denies clone3,
// and clone(2) has all of the flags, that one is used with the same.
//
// Start refuses what the kernel would refuse. It also refuses flags that share
// or write memory or make a thread, as the child is in the caller's memory until
// the exec; [CloneFS] together with Dir; [CloneEmptyMntNS], where no program is;
// and [CloneFiles], because a child that shares the descriptor table holds its
// own handle. All of that wraps syscall.EINVAL, and comes before syscall.EPERM
// for ClonePIDFDAutokill without [CloneNNP] and without CAP_SYS_ADMIN.
//
// Other errors name the step between clone and exec that failed, as an
// [fs.PathError] or an [os.SyscallError]. An error wraps
// [errors.ErrUnsupported] if the kernel is too old for a flag, or a filter
// denies what it needs. A kernel that was built without a kind of namespace
// answers just syscall.EINVAL. After an error there is no child.
func Start(p *Program) (fd *FD, pid int, err error) {
	admin, err := sysAdmin()
	if err != nil {
		return nil, 0, err
	}
	if err := p.check(admin); err != nil {
		return nil, 0, err
	}
	return p.start()
}

// unfit are the flags that cannot be had together with an exec out of shared
// memory, or for which there is nowhere to write.
const unfit = CloneVM | CloneSighand | CloneVfork | CloneThread | CloneSetTLS |
	CloneParentSetTID | CloneChildClearTID | CloneChildSetTID

// check applies our own rules, all of them EINVAL, and then the kernel's, which
// end with an EPERM.
func (p *Program) check(sysAdmin bool) error {
	has := func(flag CloneFlags) bool { return p.Flags&flag != 0 }
	invalid := func(rule string) error {
		return because(fmt.Sprintf("clone3 with %v", p.Flags), rule, syscall.EINVAL)
	}
	switch {
	case has(unfit):
		return invalid(fmt.Sprintf("a program cannot be started with %v", p.Flags&unfit))
	case has(CloneEmptyMntNS):
		return invalid("there is no program in an empty mount namespace")
	case has(CloneFS) && p.Dir != "":
		return invalid("Dir would be the caller's working directory too")
	case has(CloneIntoCgroup) && p.Cgroup == nil:
		return invalid("there is no Cgroup")
	case !has(CloneIntoCgroup) && p.Cgroup != nil:
		return invalid("Cgroup needs CLONE_INTO_CGROUP")
	}
	return p.Flags.check(p.ExitSignal, sysAdmin)
}
