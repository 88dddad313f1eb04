//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Here runs steps in this process, on this thread, as a child runs its vector. It is for
// a process that does to itself what is otherwise done to a child, and says which step
// it was that failed. A step that forks cannot be among them.
func Here(steps []Step) error {
	defer runtime.KeepAlive(steps)
	for i := range steps {
		s := &steps[i]
		a := &s.Args
		result, _, errno := unix.RawSyscall6(s.Nr, a[0].value(), a[1].value(), a[2].value(), a[3].value(), a[4].value(), a[5].value())
		if errno != 0 {
			if s.Lenient != 0 {
				continue
			}
			return stepError(*s, errno)
		}
		if s.Result != nil {
			*s.Result = int32(result)
		}
		want := s.Want
		if s.Equal != nil {
			want = uintptr(*s.Equal)
		}
		if result&s.Mask != want {
			return stepError(*s, unwanted(result))
		}
	}
	return nil
}

// value is what the kernel is given. An address is one of heap memory, which the step
// keeps and which does not move.
func (a Arg) value() uintptr {
	switch {
	case a.p == nil:
		return a.n
	case a.n == 0:
		return uintptr(a.p)
	}
	return uintptr(*(*int32)(a.p))
}

func unwanted(result uintptr) error {
	return fmt.Errorf("accepted without effect (%#x): %w", result, errors.ErrUnsupported)
}
