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

// carrier is the signal by which the init is told to send another: SIGRTMIN of the kernel.
// Only a real-time signal is queued or refused. Of another the kernel makes one
// when it comes twice, and drops the value without an error when the user has as many queued
// signals as RLIMIT_SIGPENDING allows (kernel/signal.c, __send_signal_locked).
const carrier = unix.Signal(32)

// SignalAll makes the init, which a pidfd refers to, send a signal to all others in
// its namespace. That is one call of kill(2) with pid -1: nobody can be forked in the
// middle of it and be missed. The error is EAGAIN if the init has no room for it.
func SignalAll(init int, sig unix.Signal) error {
	const last = 64 // SIGRTMAX
	if sig < 1 || sig > last {
		return os.NewSyscallError("pidfd_send_signal", unix.EINVAL)
	}
	info := siginfo{signo: int32(carrier), code: queued, value: everybody<<8 | int64(sig)}
	err := unix.PidfdSendSignal(init, carrier, (*unix.Siginfo)(unsafe.Pointer(&info)), 0)
	return os.NewSyscallError("pidfd_send_signal", err)
}
