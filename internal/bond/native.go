//go:build linux && (amd64 || arm64)

package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/descriptor"
)

// native is CLONE_PIDFD_AUTOKILL: the handle is the pidfd that clone3 returned,
// and the kernel reaps the child by itself.
type native struct{ scope Scope }

func (native) kind() Kind { return Native }

const nativeFlags = unix.CLONE_PIDFD | unix.CLONE_AUTOREAP | unix.CLONE_NNP | unix.CLONE_PIDFD_AUTOKILL

// autokillBit is PIDFD_AUTOKILL in what F_GETFL answers (include/uapi/linux/pidfd.h).
const autokillBit = unix.O_TRUNC

// trust needs no proof in advance: every start checks the bit.
func (native) trust() error { return nil }

func (n native) start(r *clone.Request, allowNewPrivs bool) (*Child, error) {
	r.Flags |= nativeFlags
	if allowNewPrivs {
		r.Flags &^= unix.CLONE_NNP
	}
	pending, handle, err := cloneBound(r)
	if err != nil {
		return nil, err
	}
	c, err := pending.Wait()
	if err != nil {
		awaitReaper(pending.Pid(), int(handle.Fd())) // it is on its way out
		handle.Close()
		return nil, err
	}
	fd, err := observe(c.Pid, int(handle.Fd()))
	if err != nil {
		handle.Close() // the last reference: kills
		return nil, err
	}
	observer, err := n.scope.observer(fd)
	if err != nil {
		handle.Close()
		return nil, err
	}
	child := newChild(c.Pid, handle, observer, n)
	child.pidfd = fd
	return child, nil
}

// cloneBound starts a child whose pidfd is the handle, and makes sure that it is.
func cloneBound(r *clone.Request) (pending clone.Pending, handle *descriptor.FD, err error) {
	pending, err = r.Clone()
	if err != nil {
		return pending, nil, err
	}
	fd := pending.Take()
	// The bit is the proof that closing this file kills.
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	switch {
	case err != nil:
		err = os.NewSyscallError("fcntl(F_GETFL)", err)
	case flags&autokillBit == 0:
		err = unsupported("clone3 accepted CLONE_PIDFD_AUTOKILL but its pidfd does not have the bit")
	}
	if err != nil {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		_, _ = pending.Wait()
		waitFor(pending.Pid(), unix.WEXITED) // what is no native child is not reaped by the kernel
		_ = unix.Close(fd)
		return pending, nil, err
	}
	return pending, newHandle(fd), nil
}

// observe opens a second file on the child. It must be a file of its own: a
// duplicate would be a reference that keeps the child alive.
//
// The child may have ended already, and its pid may be somebody else's by now: the
// inode numbers tell (pidfs has unique ones). Then a duplicate keeps nothing alive
// and is all there is to have.
func observe(pid, handle int) (int, error) {
	fd, err := look(pid, handle)
	switch {
	case err == nil:
		same, err := sameFile(fd, handle)
		if err != nil {
			_ = unix.Close(fd)
			return -1, err
		}
		if same {
			return fd, nil
		}
		_ = unix.Close(fd)
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.ENOENT): // nobody's any more, or a thread's
	default:
		return -1, err
	}
	fd, err = unix.FcntlInt(uintptr(handle), unix.F_DUPFD_CLOEXEC, 0)
	return fd, os.NewSyscallError("fcntl(F_DUPFD_CLOEXEC)", err)
}

// look opens a pidfd of a child. Where a filter denies pidfd_open, the file handle of a
// native child's pidfd does too (open_by_handle_at(2), fs/pidfs.c since Linux 6.14, without
// any privilege): that gives a file of its own, without the bit.
func look(pid, handle int) (int, error) {
	fd, err := openPidfd(pid)
	if !slices.ContainsFunc(denials, func(denial error) bool { return errors.Is(err, denial) }) {
		return fd, err
	}
	fd, detour := lookAgain(handle)
	switch {
	case errors.Is(detour, unix.ESRCH):
		return -1, detour
	case detour != nil:
		return -1, fmt.Errorf("%w, and so is the detour: %w", err, detour)
	}
	return fd, nil
}

func openPidfd(pid int) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	return fd, os.NewSyscallError("pidfd_open", err)
}

// lookAgain opens the file of a handle anew. A child that has been reaped is ESRCH.
func lookAgain(handle int) (int, error) {
	name, _, err := unix.NameToHandleAt(handle, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, os.NewSyscallError("name_to_handle_at", err)
	}
	fd, err := unix.OpenByHandleAt(handle, name, unix.O_RDWR|unix.O_CLOEXEC)
	switch {
	case errors.Is(err, unix.ESTALE):
		return -1, unix.ESRCH
	case err != nil:
		return -1, os.NewSyscallError("open_by_handle_at", err)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	switch {
	case err != nil:
		err = os.NewSyscallError("fcntl(F_GETFL)", err)
	case flags&autokillBit != 0:
		err = unsupported("open_by_handle_at gives a second handle")
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func sameFile(a, b int) (bool, error) {
	var sa, sb unix.Stat_t
	if err := errors.Join(unix.Fstat(a, &sa), unix.Fstat(b, &sb)); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	return sa.Dev == sb.Dev && sa.Ino == sb.Ino, nil
}

// await: the kernel reaps.
func (native) await(c *Child) Ending {
	if c.Observer.WaitReaped(context.Background()) != nil {
		awaitReaper(c.Pid, c.pidfd)
	}
	return told(c)
}

// awaitReaper takes a thread until the kernel has reaped the child. Where a filter denies poll, that waits
// in waitid: the answer is that there is no such child any more.
func awaitReaper(pid, fd int) {
	if _, err := poll(fd, 0, 0); err != nil {
		waitFor(pid, unix.WEXITED)
		return
	}
	waitReaped(context.Background(), fd)
}
