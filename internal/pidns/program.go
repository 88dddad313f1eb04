//go:build linux && (amd64 || arm64)

package pidns

import (
	"bytes"
	"unsafe"
)

// everybody is in the value of a signal that is for all, before the byte that says which.
const everybody = 0x616c6c

// code is where the program begins.
func code() *byte

// endMark comes after the last instruction.
const endMark = "autokill"

// machineCode is the program that the monitor and the init become. It has no data and
// no writable memory but the stack that the kernel gives it. Its name (argv[0]) says
// which of the two it is.
//
// Both make themselves undumpable, so that nobody of the same user can look into them
// or trace them, and never unblock a signal.
//
// The monitor waits until it has no child any more, and exits.
//
// The init, if it has an argument, exits unless its death signal is SIGKILL. It
// tells the command by an eventfd, descriptor 1, that it can go on, and closes that. Then
// it takes one signal after the other. For SIGCHLD it reaps whoever has ended; when that is the command, it
// sends a [report] into descriptor 0 and exits, which ends the namespace. A stop of who
// has called PTRACE_TRACEME, which wait tells without being asked, is no end: the process
// stays stopped, as with any parent that does not trace. What a process
// has sent (si_code is not positive) it passes on to the command. But if it was queued with
// everybody in its value, all processes of the namespace get the signal that the value names:
// see [SignalAll]. What the kernel
// sends, as for a terminal, the command has got itself.
func machineCode() []byte {
	const enough = 1 << 10
	text := unsafe.Slice(code(), enough)
	return text[:bytes.Index(text, []byte(endMark))]
}
