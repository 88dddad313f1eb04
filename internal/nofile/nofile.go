// Package nofile knows the soft RLIMIT_NOFILE that this program was started with.
//
// Package syscall raises that limit as the program starts, and os/exec gives
// children the old one back. The old value is in a private variable there, so it
// is read here before: packages are initialized in the order of their import
// paths as soon as what they import is (Go 1.21 release notes), and this package
// imports nothing. That is why the system call is in assembly, too.
package nofile

// Limit is struct rlimit64 of getrlimit(2), in descriptors.
type Limit struct{ Cur, Max uint64 }

// Original is the limit at the start of the program.
func Original() Limit { return original }

// Restore says what a child must be given so that it sees what this program saw,
// given the limit now in force; ok is false where nothing is to be done: Go did
// not change the limit, or somebody has since set one of their own. Go sets
// Max-1, not Max, to make that visible.
func Restore(original, now Limit) (limit Limit, ok bool) {
	raised := Limit{Cur: original.Max - 1, Max: original.Max}
	return original, original.Max > 0 && original.Cur < raised.Cur && now == raised
}
