package clone

import "unsafe"

// Step is one system call of the vector. The assembly reads this very struct:
// all memory it names is kept alive by the pointers in it.
type Step struct {
	// Name says what the step does, in the words of the man page. A failing step
	// is reported by it.
	Name string
	// Path is what the step was about (execve, chdir, chroot), or empty.
	Path string

	Nr   uintptr
	Args [6]Arg

	// Result, if not nil, receives the low 32 bits of what the call returned.
	Result *int32

	// The call has done its work if its result, masked by Mask, is Want, or the
	// number that stands in *Equal then, if Equal is not nil. Zero for all accepts
	// whatever is no error.
	Mask, Want uintptr
	Equal      *int32

	// Lenient is 1 for a step that may fail.
	Lenient uintptr

	// Fork, if not nil, is what the process that this step clones runs: see
	// [Task.Fork].
	Fork *Task
}

// Arg is one argument of a [Step]: a number, an address, or a number that stands
// in memory when the step runs (written there by an earlier step or by the clone).
type Arg struct {
	p unsafe.Pointer
	n uintptr // with p: 0 for the address itself, 1 for the int32 behind it
}

// Int is an argument known now.
func Int(n int) Arg { return Arg{n: uintptr(n)} }

// Addr is the address of heap memory (a stack would move).
func Addr[T any](p *T) Arg { return Arg{p: unsafe.Pointer(p)} }

// Load is the value that stands in *p when the step runs.
func Load(p *int32) Arg { return Arg{p: unsafe.Pointer(p), n: 1} }
