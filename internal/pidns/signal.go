//go:build linux && (amd64 || arm64)

package pidns

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// siginfo is siginfo_t of a queued signal (sigaction(2)). The kernel fills in nothing.
type siginfo struct {
	signo, errno, code, _ int32
	pid, uid              int32
	value                 int64
	_                     [96]byte
}

const queued = -1 // SI_QUEUE

// Passable says whether the init passes the signal on to everybody. It cannot catch
// the first two, and the third it takes for the kernel's.
func Passable(sig unix.Signal) bool {
	return sig != unix.SIGKILL && sig != unix.SIGSTOP && sig != unix.SIGCHLD
}

// SignalAll makes the init, which a pidfd refers to, send a signal to all others in
// its namespace. That is one call of kill(2) with pid -1: nobody can be forked in the
// middle of it and be missed.
func SignalAll(init int, sig unix.Signal) error {
	info := siginfo{signo: int32(sig), code: queued, value: everybody}
	err := unix.PidfdSendSignal(init, sig, (*unix.Siginfo)(unsafe.Pointer(&info)), 0)
	return os.NewSyscallError("pidfd_send_signal", err)
}
