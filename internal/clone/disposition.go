//go:build linux && (amd64 || arm64)

package clone

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is the kernel's struct (not libc's): amd64 has a restorer, arm64
// keeps the field in its headers too (include/uapi/asm-generic/signal.h).
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

const (
	sigDefault = 0 // SIG_DFL
	sigIgnore  = 1 // SIG_IGN
	signals    = 64
)

// disposition is what a signal shall do in the child.
type disposition struct {
	signal int
	action *sigaction
}

func (d disposition) step() Step {
	return Step{
		Name: "rt_sigaction", Nr: unix.SYS_RT_SIGACTION,
		Args: [6]Arg{Int(d.signal), Addr(d.action), Int(0), Int(8)},
	}
}

// dispositions reads what CLONE_CLEAR_SIGHAND would give the child: ignored
// signals stay ignored, the rest is default. Every signal is listed, also one
// that has no handler now: a handler may be installed between here and the clone.
func dispositions() ([]disposition, error) {
	all := make([]disposition, 0, signals-2)
	for sig := 1; sig <= signals; sig++ {
		if unix.Signal(sig) == unix.SIGKILL || unix.Signal(sig) == unix.SIGSTOP {
			continue
		}
		action := new(sigaction)
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(action)), 8, 0, 0)
		if errno != 0 {
			return nil, errno
		}
		keep := uintptr(sigDefault)
		if action.handler == sigIgnore {
			keep = sigIgnore
		}
		*action = sigaction{handler: keep}
		all = append(all, disposition{sig, action})
	}
	return all, nil
}
