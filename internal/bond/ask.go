//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel remembers what the running kernel is known to have. That cannot change
// while we run. What a seccomp filter denies can, so denials are not remembered.
type kernel struct{ native, exits atomic.Int32 }

const (
	notAsked = iota
	has
	hasNot
)

var errNoAutokill = fmt.Errorf("this kernel has no CLONE_PIDFD_AUTOKILL, Linux 7.1 and later do: %w", errors.ErrUnsupported)

// askNative says whether native can be tried: nil, or why not.
func (k *kernel) askNative() error {
	switch k.native.Load() {
	case has:
		return nil
	case hasNot:
		return errNoAutokill
	}
	err := askClone()
	switch {
	case err == nil:
		k.native.Store(has)
	case errors.Is(err, errNoAutokill):
		k.native.Store(hasNot)
	}
	return err
}

// askNative asks for all that native needs.
func askNative() error {
	if err := askClone(); err != nil {
		return err
	}
	return askInfo()
}

// askInfo asks whether PIDFD_GET_INFO is allowed: of a child that the kernel has reaped
// by itself nothing else tells the status. A filter looks at the number of the request
// before the kernel looks at the descriptor, so none is needed.
func askInfo() error {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, ^uintptr(0), unix.PIDFD_GET_INFO, 0)
	if errno == unix.EBADF {
		return nil
	}
	return fmt.Errorf("ioctl(PIDFD_GET_INFO): %w: a seccomp filter denies it, and the status of an auto-reaped child could not be known (%w)", errno, errors.ErrUnsupported)
}

// askClone asks the kernel without a fork: it refuses flags that it does not know
// with EINVAL before it finds that it cannot write the pidfd, EFAULT. All that can
// be shared is shared, so that nothing is copied for a child that never is.
func askClone() error {
	args := struct {
		flags, pidfd, childTid, parentTid, exitSignal, stack, stackSize, tls uint64
	}{
		flags: nativeFlags | unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_FS | unix.CLONE_SIGHAND,
		pidfd: ^uint64(0),
	}
	_, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	switch errno {
	case unix.EFAULT:
		return nil
	case unix.EINVAL:
		return errNoAutokill
	case unix.ENOSYS, unix.EPERM:
		return denied(errno)
	}
	return fmt.Errorf("cannot tell whether clone3 knows CLONE_PIDFD_AUTOKILL: %w", os.NewSyscallError("clone3", errno))
}

func denied(errno error) error {
	return fmt.Errorf("clone3: %w: a seccomp filter denies it, as Docker's default profile does (%w)", errno, errors.ErrUnsupported)
}
