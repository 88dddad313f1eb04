//go:build linux

package testproc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// RespectSignals gives the signals that our starter ignores, as nohup(1) does, their default
// action back: what the tests start would ignore them, too.
func RespectSignals() {
	type sigaction [4]uint64 // handler, flags, restorer, mask; SIG_IGN is a handler
	const ignore = 1
	for sig := uintptr(1); sig <= 64; sig++ {
		var old, byDefault sigaction
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&old)), 8, 0, 0)
		if errno == 0 && old[0] == ignore {
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
		}
	}
}
