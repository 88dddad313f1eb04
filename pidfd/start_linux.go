//go:build amd64 || arm64

package pidfd

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/nofile"
)

// Ledger of kernel versions:
//
//	clone3, CLONE_PIDFD             5.3, 5.2
//	CLONE_NEWTIME                   5.6
//	CLONE_INTO_CGROUP               5.7
//	CLONE_AUTOREAP, CLONE_NNP,
//	CLONE_PIDFD_AUTOKILL            7.1: asked for only when a clone was refused

func sysAdmin() (bool, error) {
	caps, err := clone.ReadCapabilities()
	if err != nil {
		return false, err
	}
	return caps.Has(unix.CAP_SYS_ADMIN), nil
}

func (p *Program) start() (*FD, int, error) {
	files, err := numbers(p.Files)
	if err != nil {
		return nil, 0, err
	}
	request := &clone.Request{
		Path:       p.Path,
		Argv:       p.Args,
		Env:        p.Env,
		Dir:        p.Dir,
		Files:      files,
		Flags:      uint64(p.Flags &^ CloneClearSighand), // not in clone(2), and set or made up for anyway
		ExitSignal: int(p.ExitSignal),
		Nofile:     nofile.ForChild(),
	}
	if p.Env == nil {
		request.Env = os.Environ()
	}
	if p.Cgroup != nil {
		cgroup, err := numbers([]*os.File{p.Cgroup})
		if err != nil {
			return nil, 0, err
		}
		request.Cgroup = cgroup[0]
	}
	child, err := request.Start()
	runtime.KeepAlive(p)
	if err != nil {
		return nil, 0, startError(p.Flags, err)
	}
	fd, err := own(child.Pidfd, p.Flags)
	if err != nil {
		return nil, 0, err
	}
	return fd, child.Pid, nil
}

// numbers are those of the files, to be used while these are reachable; -1
// stands for nil, and must not stand for a file that was closed.
func numbers(files []*os.File) ([]int, error) {
	all := make([]int, len(files))
	for i, file := range files {
		all[i] = -1
		if file == nil {
			continue
		}
		if all[i] = int(file.Fd()); all[i] < 0 {
			return nil, fmt.Errorf("%s: %w", file.Name(), os.ErrClosed)
		}
	}
	return all, nil
}

// own makes the FD of a child that was just started, or ends the child.
func own(n int, f CloneFlags) (*FD, error) {
	status, err := statusFlags(n)
	switch {
	case err != nil:
		err = os.NewSyscallError("fcntl", err)
	case f&ClonePIDFDAutokill != 0 && status&autokillBit == 0:
		// The bit is the proof that closing this descriptor kills.
		err = because("clone3", "CLONE_PIDFD_AUTOKILL was accepted without effect", errors.ErrUnsupported)
	default:
		// F_SETFL leaves PIDFD_AUTOKILL as it is.
		err = os.NewSyscallError("fcntl", unix.SetNonblock(n, true))
	}
	if err != nil {
		discard(n)
		return nil, err
	}
	return newFD(n), nil
}

// discard kills and reaps; n is still a blocking descriptor. Where there is
// nothing to reap, as with a child that does it by itself, waitid answers ECHILD.
func discard(n int) {
	_ = unix.PidfdSendSignal(n, unix.SIGKILL, nil, 0)
	_, _, _ = waitid(n, unix.WEXITED|unix.WALL, nil)
	closeFD(n)
}

// startError says what a refusal of clone3 means.
func startError(f CloneFlags, err error) error {
	var (
		call  *os.SyscallError
		errno unix.Errno
	)
	if !errors.As(err, &call) || call.Syscall != "clone3" || !errors.As(err, &errno) {
		return err
	}
	with := fmt.Sprintf("clone3 with %v", f)
	switch errno {
	case unix.ENOSYS, unix.EPERM:
		// A filter cannot see the flags, so it denies every clone3 or none.
		if askClone3(0) == errno {
			return fmt.Errorf("%s: a seccomp filter denies clone3, and clone(2) lacks one of the flags: %w (%w)",
				with, errors.ErrUnsupported, errno)
		}
	case unix.EINVAL:
		if missing := unknown(f); missing != 0 {
			return lacking("clone3", missing.String(), "7.1", errno)
		}
	default:
		return err
	}
	return fmt.Errorf("%s: %w", with, errno)
}

// unknown are those of the flags that this kernel does not know.
func unknown(f CloneFlags) CloneFlags {
	var missing CloneFlags
	for _, flag := range []CloneFlags{CloneAutoreap, CloneNNP, ClonePIDFDAutokill} {
		ask := flag
		if flag == ClonePIDFDAutokill {
			ask |= CloneAutoreap | CloneNNP // it is never allowed alone
		}
		if f&flag != 0 && askClone3(ask) == unix.EINVAL {
			missing |= flag
		}
	}
	return missing
}

// askClone3 asks for a child that cannot be made, because its pidfd cannot be
// written: EFAULT. Whatever the kernel finds wrong with the flags comes before.
func askClone3(f CloneFlags) unix.Errno {
	args := struct {
		flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls uint64
	}{
		flags: uint64(f | ClonePIDFD | CloneVM | CloneFiles), // shares what is large
		pidfd: ^uint64(0),
	}
	_, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	return errno
}
