//go:build amd64 || arm64

package autokill

import (
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
)

// apply turns the attributes into parts of the request and of the wish, or names the
// one that cannot be had. It makes no system call.
func apply(sys *syscall.SysProcAttr, r *clone.Request, w *bond.Wish, euid int) error {
	for _, part := range []func(*syscall.SysProcAttr, *clone.Request, *bond.Wish, int) error{
		applyNamespaces, applyTerminal, applyIdentity,
	} {
		if err := part(sys, r, w, euid); err != nil {
			return err
		}
	}
	r.Chroot = sys.Chroot
	r.Pdeathsig = int(sys.Pdeathsig)
	r.Ptrace, w.Ptrace = sys.Ptrace, sys.Ptrace
	if sys.UseCgroupFD {
		r.Flags |= unix.CLONE_INTO_CGROUP
		r.Cgroup = sys.CgroupFD
	}
	return nil
}

const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME

// applyNamespaces takes the flags of clone and unshare. A new user namespace is made
// by the clone in any case: who shares memory, as the child does until its exec, cannot
// unshare it.
func applyNamespaces(sys *syscall.SysProcAttr, r *clone.Request, w *bond.Wish, euid int) error {
	if err := checkCloneflags(uint64(sys.Cloneflags)); err != nil {
		return fmt.Errorf("SysProcAttr.Cloneflags: %w", err)
	}
	const unshares = namespaces | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SYSVSEM
	if more := uint64(sys.Unshareflags) &^ unshares; more != 0 {
		return fmt.Errorf("SysProcAttr.Unshareflags: %#x is nothing that a new process can unshare: %w", more, syscall.EINVAL)
	}
	// The start waits for the exec in any case, and shares memory until then.
	r.Flags = uint64(sys.Cloneflags) &^ (unix.CLONE_VM | unix.CLONE_VFORK)
	r.Flags |= uint64(sys.Unshareflags) & unix.CLONE_NEWUSER
	r.Unshare = uint64(sys.Unshareflags) &^ unix.CLONE_NEWUSER
	w.NewPIDNS = r.Flags&unix.CLONE_NEWPID != 0
	w.UnsharePIDNS = r.Unshare&unix.CLONE_NEWPID != 0

	if sys.UidMappings == nil && sys.GidMappings == nil {
		return nil
	}
	if r.Flags&unix.CLONE_NEWUSER == 0 {
		return fmt.Errorf("SysProcAttr.UidMappings, GidMappings: they need CLONE_NEWUSER in Cloneflags or Unshareflags: %w", syscall.EINVAL)
	}
	r.Maps = &clone.IDMaps{
		UIDs:      idMaps(sys.UidMappings),
		GIDs:      idMaps(sys.GidMappings),
		Setgroups: sys.GidMappingsEnableSetgroups,
	}
	w.OtherUID = slices.ContainsFunc(r.Maps.UIDs, func(m clone.IDMap) bool { return m.Outside != euid || m.Size != 1 })
	return nil
}

// checkCloneflags refuses what would break the bond, like the kernel does for its
// own, and what a start uses itself.
func checkCloneflags(flags uint64) error {
	const (
		exitSignal = 0x7f // CSIGNAL, without the bit that is CLONE_NEWTIME for clone3
		shares     = unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_FS | unix.CLONE_SYSVSEM | unix.CLONE_IO
		traces     = unix.CLONE_PTRACE | unix.CLONE_UNTRACED
	)
	switch more := flags &^ (namespaces | shares | traces); {
	case flags&unix.CLONE_THREAD != 0:
		return fmt.Errorf("CLONE_THREAD: a thread cannot be bound: %w", syscall.EINVAL)
	case flags&unix.CLONE_PARENT != 0:
		return fmt.Errorf("CLONE_PARENT: the child of another process cannot be bound: %w", syscall.EINVAL)
	case flags&exitSignal != 0:
		return fmt.Errorf("exit signal %d: a bound child has none: %w", flags&exitSignal, syscall.EINVAL)
	case flags&unix.CLONE_FILES != 0:
		return fmt.Errorf("CLONE_FILES: a child that shares the descriptor table holds its own handle: %w", syscall.EINVAL)
	case more != 0:
		return fmt.Errorf("%#x: the start uses these flags itself, or they are of no use to a process that execs: %w", more, syscall.EINVAL)
	}
	return nil
}

// idMaps keeps nil apart from empty: nil leaves a map unwritten.
func idMaps(lines []syscall.SysProcIDMap) []clone.IDMap {
	if lines == nil {
		return nil
	}
	maps := make([]clone.IDMap, len(lines))
	for i, l := range lines {
		maps[i] = clone.IDMap{Inside: l.ContainerID, Outside: l.HostID, Size: l.Size}
	}
	return maps
}

// applyTerminal takes session, process group and terminal, and refuses what the kernel
// would refuse or misunderstand.
func applyTerminal(sys *syscall.SysProcAttr, r *clone.Request, w *bond.Wish, _ int) error {
	switch {
	case sys.Setsid && (sys.Setpgid || sys.Foreground):
		return fmt.Errorf("SysProcAttr.Setsid: the leader of a session cannot change its process group, as Setpgid or Foreground ask: %w", syscall.EPERM)
	case sys.Setctty && sys.Foreground:
		return fmt.Errorf("SysProcAttr.Setctty: excludes Foreground: %w", syscall.EINVAL)
	case sys.Setctty && (sys.Ctty < 0 || sys.Ctty >= len(r.Files)):
		return fmt.Errorf("SysProcAttr.Setctty: Ctty %d is not a descriptor of the child: %w", sys.Ctty, syscall.EINVAL)
	}
	r.Setsid = sys.Setsid
	r.Setpgid = sys.Setpgid || sys.Foreground
	r.Pgid = sys.Pgid
	w.OtherGroup = r.Setpgid && r.Pgid != 0
	r.Foreground, r.Setctty, r.Ctty, r.Noctty = sys.Foreground, sys.Setctty, sys.Ctty, sys.Noctty
	return nil
}

// applyIdentity takes ids and capabilities. It needs the maps that applyNamespaces has
// found.
func applyIdentity(sys *syscall.SysProcAttr, r *clone.Request, w *bond.Wish, euid int) error {
	if c := sys.Credential; c != nil {
		r.Credential = &clone.Credential{Uid: c.Uid, Gid: c.Gid, Groups: c.Groups, NoSetGroups: c.NoSetGroups}
		if r.Maps == nil {
			w.OtherUID = w.OtherUID || int(c.Uid) != euid
		} else if r.Maps.GIDs != nil && !r.Maps.Setgroups && len(c.Groups) == 0 {
			// The namespace does not allow setgroups, and nothing is asked of it.
			r.Credential.NoSetGroups = true
		}
	}
	for _, capability := range sys.AmbientCaps {
		if capability > lastCapability {
			return fmt.Errorf("SysProcAttr.AmbientCaps: there is no capability %d: %w", capability, syscall.EINVAL)
		}
	}
	r.Ambient = sys.AmbientCaps
	w.Setuid = slices.Contains(sys.AmbientCaps, unix.CAP_SETUID) && r.Flags&unix.CLONE_NEWUSER == 0
	return nil
}

// lastCapability is the highest number for which capset(2) has room.
const lastCapability = 63
