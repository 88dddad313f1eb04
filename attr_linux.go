//go:build amd64 || arm64

package autokill

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
)

// apply turns the attributes into parts of the request, or names the one that
// cannot be had. It makes no system call.
func apply(sys *syscall.SysProcAttr, r *clone.Request, w *bond.Wish, euid int) error {
	if field := unsupportedField(sys); field != "" {
		return fmt.Errorf("SysProcAttr.%s: %w", field, errors.ErrUnsupported)
	}
	if err := checkCloneflags(uint64(sys.Cloneflags)); err != nil {
		return fmt.Errorf("SysProcAttr.Cloneflags: %w", err)
	}
	r.Flags = uint64(sys.Cloneflags)
	w.NewPIDNS = sys.Cloneflags&unix.CLONE_NEWPID != 0
	if sys.UseCgroupFD {
		r.Flags |= unix.CLONE_INTO_CGROUP
		r.Cgroup = sys.CgroupFD
	}

	// The combinations that the kernel would refuse or misunderstand.
	switch {
	case sys.Setsid && (sys.Setpgid || sys.Foreground):
		return fmt.Errorf("SysProcAttr: the leader of a session cannot change its process group (Setsid with Setpgid or Foreground): %w", syscall.EPERM)
	case sys.Setctty && sys.Foreground:
		return fmt.Errorf("SysProcAttr: both Setctty and Foreground: %w", syscall.EINVAL)
	case sys.Setctty && (sys.Ctty < 0 || sys.Ctty >= len(r.Files)):
		return fmt.Errorf("SysProcAttr: Setctty is set but Ctty %d is not a descriptor of the child: %w", sys.Ctty, syscall.EINVAL)
	}
	r.Setsid = sys.Setsid
	r.Setpgid = sys.Setpgid || sys.Foreground
	r.Pgid = sys.Pgid
	w.OtherGroup = r.Setpgid && r.Pgid != 0
	r.Foreground, r.Setctty, r.Ctty, r.Noctty = sys.Foreground, sys.Setctty, sys.Ctty, sys.Noctty
	r.Chroot = sys.Chroot
	r.Pdeathsig = int(sys.Pdeathsig)
	if c := sys.Credential; c != nil {
		r.Credential = &clone.Credential{Uid: c.Uid, Gid: c.Gid, Groups: c.Groups, NoSetGroups: c.NoSetGroups}
		w.OtherUID = int(c.Uid) != euid
	}
	return nil
}

func unsupportedField(sys *syscall.SysProcAttr) string {
	switch {
	case sys.Ptrace:
		return "Ptrace"
	case sys.Unshareflags != 0:
		return "Unshareflags"
	case len(sys.UidMappings) > 0:
		return "UidMappings"
	case len(sys.GidMappings) > 0:
		return "GidMappings"
	case len(sys.AmbientCaps) > 0:
		return "AmbientCaps"
	}
	return ""
}

const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME

// checkCloneflags refuses what would break the bond, like the kernel does for its
// own, and all else that is not a namespace.
func checkCloneflags(flags uint64) error {
	const exitSignal = 0x7f // CSIGNAL, without the bit that is CLONE_NEWTIME for clone3
	switch {
	case flags&unix.CLONE_THREAD != 0:
		return fmt.Errorf("CLONE_THREAD: a thread cannot be bound: %w", syscall.EINVAL)
	case flags&unix.CLONE_PARENT != 0:
		return fmt.Errorf("CLONE_PARENT: the child of another process cannot be bound: %w", syscall.EINVAL)
	case flags&exitSignal != 0:
		return fmt.Errorf("exit signal %d: a bound child has none: %w", flags&exitSignal, syscall.EINVAL)
	case flags&unix.CLONE_FILES != 0:
		return fmt.Errorf("CLONE_FILES: a child that shares the descriptor table holds its own handle: %w", syscall.EINVAL)
	case flags&^uint64(namespaces) != 0:
		return fmt.Errorf("%#x: only namespaces can be asked for: %w", flags&^uint64(namespaces), syscall.EINVAL)
	}
	return nil
}
