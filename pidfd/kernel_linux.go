//go:build amd64 || arm64

package pidfd

import (
	"encoding/binary"
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls, one function each: they take the number of a pidfd and
// return the kernel's errno as it is. What it means is said by the callers.

func open(pid int, flags Flags) (int, error) {
	return unix.PidfdOpen(pid, int(flags))
}

func closeFD(n int) {
	unix.Close(n) // a descriptor that was only opened
}

// isPidfd asks with a waitid that waits for nothing and changes nothing
// (WNOHANG, WNOWAIT): it answers EBADF for everything but a pidfd, on every
// kernel and without /proc. statfs would be fooled by O_PATH,
// pidfd_send_signal by a directory of /proc.
func isPidfd(n int) error {
	if n < 0 {
		return unix.EBADF // waitid has EINVAL for it
	}
	_, _, err := waitid(n, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if errors.Is(err, unix.ECHILD) {
		return nil // a pidfd of somebody else's child
	}
	return err
}

func statusFlags(n int) (int, error) {
	return unix.FcntlInt(uintptr(n), unix.F_GETFL, 0)
}

// onPidfs tells whether pidfds are files of pidfs, which they are since 6.9.
func onPidfs(n int) (bool, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(n, &fs); err != nil {
		return false, err
	}
	return fs.Type == unix.PID_FS_MAGIC, nil
}

func stat(n int) (inode, error) {
	var st unix.Stat_t
	if err := unix.Fstat(n, &st); err != nil {
		return inode{}, err
	}
	return inode{dev: st.Dev, ino: st.Ino}, nil
}

// poll reports POLLIN (ended) and POLLHUP (reaped), without waiting.
func poll(n int) (in, hup bool, err error) {
	fds := []unix.PollFd{{Fd: int32(n), Events: unix.POLLIN}}
	for {
		if _, err = unix.Poll(fds, 0); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return fds[0].Revents&unix.POLLIN != 0, fds[0].Revents&unix.POLLHUP != 0, err
}

// epollOn makes a non-blocking epoll instance that watches n.
func epollOn(n int) (int, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return -1, err
	}
	err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, n, &unix.EpollEvent{Events: unix.EPOLLIN})
	if err == nil {
		err = unix.SetNonblock(epoll, true)
	}
	if err != nil {
		closeFD(epoll)
		return -1, err
	}
	return epoll, nil
}

func sendSignal(n int, sig syscall.Signal, target Target) error {
	return unix.PidfdSendSignal(n, sig, nil, int(target))
}

func getFD(n, remote int) (int, error) {
	return unix.PidfdGetfd(n, remote, 0)
}

// The ioctls of <linux/pidfd.h>: magic 0xFF, the namespaces as _IO with their
// numbers from 1, PIDFD_GET_INFO as _IOWR with 11 and the size of the struct.
const (
	ioctlMagic   = 0xFF << 8
	ioctlGetInfo = 3<<30 | infoSize<<16 | ioctlMagic | 11
)

func openNamespace(n int, kind Namespace) (int, error) {
	got, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(n), ioctlMagic|uintptr(kind), 0)
	if errno != 0 {
		return -1, errno
	}
	return int(got), nil
}

func getInfo(n int, ask InfoMask) ([infoSize]byte, error) {
	var buf [infoSize]byte
	binary.NativeEndian.PutUint64(buf[:], uint64(ask))
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(n), ioctlGetInfo, uintptr(unsafe.Pointer(&buf)))
	if errno != 0 {
		return buf, errno
	}
	return buf, nil
}

// siginfo is the kernel's struct siginfo for SIGCHLD on 64 bits, in its full
// size of 128 bytes.
type siginfo struct {
	signo, errno, code, _ int32
	pid                   int32
	uid                   uint32
	status                int32
	_                     [100]byte
}

// waitid waits on a pidfd. It returns false if it found a child in no state
// that was asked for (WNOHANG).
func waitid(n, options int, usage *syscall.Rusage) (siginfo, bool, error) {
	var info siginfo
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, unix.P_PIDFD, uintptr(n),
			uintptr(unsafe.Pointer(&info)), uintptr(options), uintptr(unsafe.Pointer(usage)), 0)
		switch errno {
		case 0:
			return info, info.signo != 0, nil
		case unix.EINTR:
		default:
			return siginfo{}, false, errno
		}
	}
}

// peek passes __WALL: without it a child with another exit signal than SIGCHLD is not
// found. The kernel tells whoever traces a child of its stops, too, asked for or not
// (kernel/exit.c, wait_task_stopped), and those are for the tracer.
func peek(n int) (Exit, bool, error) { return collect(n, unix.WNOWAIT) }

// reap looks before it collects, because of those stops.
func reap(n int) (Exit, bool, error) {
	if _, ended, err := peek(n); err != nil || !ended {
		return Exit{}, false, err
	}
	return collect(n, 0)
}

func collect(n, options int) (Exit, bool, error) {
	var usage syscall.Rusage
	info, found, err := waitid(n, unix.WEXITED|unix.WNOHANG|unix.WALL|options, &usage)
	if err != nil || !found || info.code > cldDumped {
		return Exit{}, false, err
	}
	return Exit{Status: childStatus(info.code, info.status), Usage: usage}, true, nil
}

// The values of si_code for a child that ended, from <asm-generic/siginfo.h>.
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// childStatus turns waitid's answer into the format of wait4.
func childStatus(code, status int32) syscall.WaitStatus {
	switch code {
	case cldExited:
		return waitStatus(uint32(status&0xff) << 8)
	case cldDumped:
		return waitStatus(uint32(status&0x7f) | 0x80)
	default: // cldKilled
		return waitStatus(uint32(status & 0x7f))
	}
}

func waitStatus(raw uint32) syscall.WaitStatus { return syscall.WaitStatus(raw) }
