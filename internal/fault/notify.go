//go:build linux && (amd64 || arm64)

package fault

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notification is struct seccomp_notif of include/uapi/linux/seccomp.h.
type notification struct {
	id     uint64
	thread uint32 // its id in the supervisor's PID namespace
	_      uint32
	nr     int32
	_      uint32
	ip     uint64 // behind the instruction that makes the call
	args   [6]uint64
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	_     int64
	errno int32
	flags uint32
}

// takeTurns tells the kernel that supervisor and program never run at the same time, so each
// wakes the other on its own processor. In an emulated machine that makes a call twice as fast.
// Kernels before Linux 6.6 do not know the request, and do without.
func takeTurns(listener int) {
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
}

// ready waits for a notification: false when nobody has the filter left. A signal for this
// thread shows as POLLERR (kernel/seccomp.c, seccomp_notify_poll), and means nothing.
func ready(listener int) (bool, error) {
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return false, os.NewSyscallError("poll", err)
		case fds[0].Revents&unix.POLLIN != 0:
			return true, nil
		case fds[0].Revents&unix.POLLHUP != 0:
			return false, nil
		}
	}
}

// receive gives the next notification. One whose thread has been killed meanwhile is
// ENOENT.
func receive(listener int) (notification, error) {
	for {
		var n notification // which the kernel wants to be zero
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n)))
		switch errno {
		case 0:
			return n, nil
		case unix.EINTR:
		default:
			return n, os.NewSyscallError("ioctl(SECCOMP_IOCTL_NOTIF_RECV)", errno)
		}
	}
}

// answer lets the call go on, or fails it. A thread that was killed, or that a signal has
// taken out of the call, is ENOENT; in the second case the call comes again.
func answer(listener int, id uint64, errno syscall.Errno) error {
	r := response{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if errno != 0 {
		r.flags, r.errno = 0, -int32(errno)
	}
	for {
		_, _, failed := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r)))
		switch failed {
		case 0:
			return nil
		case unix.EINTR: // a signal for this thread, before anything was done
		default:
			return os.NewSyscallError("ioctl(SECCOMP_IOCTL_NOTIF_SEND)", failed)
		}
	}
}
