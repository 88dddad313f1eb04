//go:build linux && (amd64 || arm64)

package clone

import (
	"math"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Inherit adds the steps that make files[i] descriptor i of the child and close all
// others: after them the child has no other descriptor of the caller.
//
// As in package syscall, a source that a lower target would overwrite before it
// is used is moved out of the way first.
func Inherit(steps []Step, files []int) []Step {
	n := len(files)
	var moved map[int]*int32
	for i, from := range files {
		if from >= 0 && from < i {
			if moved == nil {
				moved = make(map[int]*int32)
			}
			moved[i] = new(int32)
			steps = append(steps, Step{
				Name: "fcntl(F_DUPFD_CLOEXEC)", Nr: unix.SYS_FCNTL,
				Args: [6]Arg{Int(from), Int(unix.F_DUPFD_CLOEXEC), Int(n)}, Result: moved[i],
			})
		}
	}
	// What stays closed at the end of the list goes with all others that are behind it.
	rest := n
	for rest > 0 && files[rest-1] < 0 {
		rest--
	}
	for i := 0; i < rest; i++ {
		switch from := files[i]; {
		case from < 0:
			// All up to the next file, whose number can be high.
			first := i
			for files[i+1] < 0 {
				i++
			}
			steps = append(steps, Step{
				Name: "close_range", Nr: unix.SYS_CLOSE_RANGE,
				Args: [6]Arg{Int(first), Int(i)},
			})
		case moved[i] != nil:
			steps = append(steps, Step{Name: "dup3", Nr: unix.SYS_DUP3, Args: [6]Arg{Load(moved[i]), Int(i)}})
		case from == i:
			steps = append(steps, Step{
				Name: "fcntl(F_SETFD)", Nr: unix.SYS_FCNTL,
				Args: [6]Arg{Int(i), Int(unix.F_SETFD), Int(0)},
			})
		default:
			steps = append(steps, Step{Name: "dup3", Nr: unix.SYS_DUP3, Args: [6]Arg{Int(from), Int(i)}})
		}
	}
	steps = append(steps, Step{
		Name: "close_range", Nr: unix.SYS_CLOSE_RANGE,
		Args: [6]Arg{Int(rest), Int(math.MaxUint32)},
	})
	return openNull(steps, files)
}

// leaveTable gives the child a table of its own, with what is below the highest of its
// files, and takes away the rest. The kernel copies no more than a word of the table. The
// child's reference to the caller's table goes with it: if that was the last one, all that
// is open there is closed.
func leaveTable(files []int) Step {
	highest := -1
	for _, fd := range files {
		highest = max(highest, fd)
	}
	return Step{
		Name: "close_range(CLOSE_RANGE_UNSHARE)", Nr: unix.SYS_CLOSE_RANGE,
		Args: [6]Arg{Int(highest + 1), Int(math.MaxUint32), Int(unix.CLOSE_RANGE_UNSHARE)},
	}
}

// openNull comes when all others are in their places, so the lowest number that is free is
// known: the first that shall stay closed, or the one that is wanted. All that are written to
// are one open file, which spares the walk to it.
func openNull(steps []Step, files []int) []Step {
	closed := slices.Index(files, -1)
	written := 0
	for i, from := range files {
		if from != Null {
			continue
		}
		if written > 0 {
			steps = append(steps, Step{Name: "dup3", Nr: unix.SYS_DUP3, Args: [6]Arg{Int(written), Int(i)}})
			continue
		}
		flag := unix.O_RDONLY
		if i > 0 {
			flag, written = unix.O_WRONLY, i
		}
		got := i
		if closed >= 0 {
			got = min(i, closed)
		}
		steps = append(steps, Step{
			Name: "open", Path: os.DevNull, Nr: unix.SYS_OPENAT,
			Args: [6]Arg{Int(unix.AT_FDCWD), Addr(&devNull[0]), Int(flag)},
			Mask: ^uintptr(0), Want: uintptr(got),
		})
		if got != i {
			steps = append(
				steps,
				Step{Name: "dup3", Nr: unix.SYS_DUP3, Args: [6]Arg{Int(got), Int(i)}},
				Step{Name: "close", Nr: unix.SYS_CLOSE, Args: [6]Arg{Int(got)}},
			)
		}
	}
	return steps
}

var devNull = [...]byte{'/', 'd', 'e', 'v', '/', 'n', 'u', 'l', 'l', 0}
