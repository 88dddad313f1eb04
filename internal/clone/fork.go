//go:build linux && (amd64 || arm64)

package clone

import "golang.org/x/sys/unix"

// Fork is the step that makes the task a process: a child of who runs the step, on
// the same memory, with all signals blocked and the same dispositions. The flags are
// namespaces and the exit signal. It is clone(2), which nobody denies who does not
// deny every fork.
func (t *Task) Fork(name string, flags uint64) Step {
	word := uintptr(address(&t.tid))
	s := Step{Name: name, Nr: unix.SYS_CLONE, Fork: t}
	for i, n := range cloneOrder(uintptr(flags|unix.CLONE_VM|unix.CLONE_PARENT_SETTID|unix.CLONE_CHILD_CLEARTID), word, word) {
		s.Args[i] = Int(int(n))
	}
	return s
}
