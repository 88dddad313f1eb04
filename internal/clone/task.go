package clone

// Task is one process of a start: the steps that it runs, and how far it came. Most
// starts have one, that of the child. Where a start has more, a step of one makes the
// next (see [Request.Ancestors]).
type Task struct {
	Steps []Step

	// Written by the process: the step it is at, and why it gave up there.
	at      uintptr
	outcome uintptr
	result  uintptr // the errno, or the result that was not the wanted one

	// tid is the pid while the process shares the caller's memory, and zero before
	// and after: the kernel writes it before the process runs (CLONE_PARENT_SETTID),
	// and clears it (CLONE_CHILD_CLEARTID).
	tid int32
}

// Values of Task.outcome.
const (
	outcomeNone = iota
	outcomeErrno
	outcomeUnwanted
)

// Pid is an argument for the steps of a forked task: its pid as its parent sees it.
func (t *Task) Pid() Arg { return Load(&t.tid) }
