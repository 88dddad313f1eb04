//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHere: a step here means what it means in a vector.
func TestHere(t *testing.T) {
	self, got := new(int32), new(int32)
	*self = int32(os.Getpid())
	getpid := Step{Name: "getpid", Nr: unix.SYS_GETPID, Result: got}
	wanted := getpid
	wanted.Mask, wanted.Equal = ^uintptr(0), self
	ends := new([2]int32)
	pipe := Step{Name: "pipe2", Nr: unix.SYS_PIPE2, Args: [6]Arg{Addr(ends), Int(unix.O_CLOEXEC)}}
	closeStep := func(i int) Step {
		return Step{Name: "close", Nr: unix.SYS_CLOSE, Args: [6]Arg{Load(&ends[i])}}
	}
	if err := Here([]Step{wanted, pipe, closeStep(0), closeStep(1)}); err != nil {
		t.Fatal(err)
	}
	if *got != *self || ends[0] == 0 || ends[0] == ends[1] {
		t.Errorf("getpid gave %d, pipe2 %v", *got, *ends)
	}

	*self++
	if err := Here([]Step{wanted}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("another pid than the wanted one: %v", err)
	}
	bad := Step{Name: "close", Nr: unix.SYS_CLOSE, Args: [6]Arg{Int(-1)}}
	*got = 0
	err := Here([]Step{bad, getpid})
	var call *os.SyscallError
	if !errors.As(err, &call) || call.Syscall != "close" || !errors.Is(err, unix.EBADF) || *got != 0 {
		t.Errorf("close(-1): %v; then getpid gave %d", err, *got)
	}
	bad.Lenient = 1
	if err := Here([]Step{bad, getpid}); err != nil || int(*got) != os.Getpid() {
		t.Errorf("a close(-1) that may fail: %v; then getpid gave %d", err, *got)
	}
}
