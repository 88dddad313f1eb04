//go:build amd64 || arm64

package siginfo

import (
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of sigaction(2), see asm-generic/signal.h. The last one is for amd64; on arm64 the
// kernel would return through the restorer, too, instead of the vDSO (arch/arm64/kernel/signal.c).
const (
	saSiginfo  = 0x00000004
	saOnStack  = 0x08000000 // Go's threads have a stack for signals, their own are too small
	saRestart  = 0x10000000
	saRestorer = 0x04000000
)

const ignore = 1 // SIG_IGN

// sigaction is the kernel's struct.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// size is that of a siginfo_t, on every architecture.
const size = 128

// Catch catches signals, also, from now on and for good. All calls have the same channel,
// since a handler has no argument to tell it whom to write for.
func Catch(signals ...syscall.Signal) (<-chan Info, error) {
	infos, err := source()
	if err != nil {
		return nil, err
	}
	flags := uintptr(saSiginfo | saOnStack | saRestart)
	if restorerAddress() != 0 {
		flags |= saRestorer
	}
	for _, sig := range signals {
		err := act(sig, &sigaction{
			handler: handlerAddress(), restorer: restorerAddress(),
			flags: flags,
			mask:  ^uint64(0), // as Go's own handlers
		})
		if err != nil {
			return nil, err
		}
	}
	return infos, nil
}

var source = sync.OnceValues(func() (<-chan Info, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	writeTo(int32(ends[1]))
	// More than one of each, so that who asks late has missed none.
	infos := make(chan Info, 2*64)
	go pass(os.NewFile(uintptr(ends[0]), "signals"), infos)
	return infos, nil
})

// Default gives a signal its default action back.
func Default(sig syscall.Signal) error { return act(sig, &sigaction{}) }

// Ignore makes the kernel drop a signal, without a word to Go's runtime: for a process that
// execs next, and hands that on.
func Ignore(sig syscall.Signal) error { return act(sig, &sigaction{handler: ignore}) }

func act(sig syscall.Signal, action *sigaction) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(action)), 0, 8, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("rt_sigaction", errno)
	}
	return nil
}

// pass reads until the end of the program: the writing end is never closed.
func pass(r *os.File, infos chan<- Info) {
	var raw struct {
		signo, errno, code int32
		_                  [size - 12]byte
	}
	// Every write was of this size, and pipe(7) keeps writes of up to PIPE_BUF whole.
	buffer := unsafe.Slice((*byte)(unsafe.Pointer(&raw)), size)
	for {
		if _, err := r.Read(buffer); err != nil {
			return
		}
		infos <- Info{Signal: syscall.Signal(raw.signo), Code: raw.code}
	}
}

// writeTo tells the handler where to write. It never blocks there: a signal that finds
// the pipe full is lost, as one that is pending already.
func writeTo(fd int32)

// handlerAddress is where the handler begins.
func handlerAddress() uintptr

// restorerAddress is where the code begins to which the handler returns on amd64.
// arm64 has it in the vDSO; there this is 0.
func restorerAddress() uintptr
