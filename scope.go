package autokill

import (
	"fmt"

	"github.com/autokill/autokill/internal/bond"
)

// Scope is who dies with the handle.
type Scope int

const (
	// ScopeProcess is the zero value: the child alone. What it starts is not bound.
	ScopeProcess = Scope(bond.ScopeProcess)
	// ScopeTree is the child and everything that it ever starts, held together in a
	// process group that nobody can leave. It needs no privileges, and [Tripwire].
	//
	// Inside, setsid and setpgid succeed without effect, nobody can signal a process
	// group, and there are no new PID namespaces: docs/mechanisms.md has what a program
	// sees. SysProcAttr.Pgid is refused, and so is a tree inside of a tree: [ErrSealed].
	ScopeTree = Scope(bond.ScopeTree)
	// ScopePIDNamespace is the child and everything that it ever starts, in a PID
	// namespace of their own.
	ScopePIDNamespace = Scope(bond.ScopePIDNamespace)
)

// String returns "process", "tree" or "pidns".
func (s Scope) String() string { return bond.Scope(s).String() }

// ParseScope is the inverse of [Scope.String].
func ParseScope(name string) (Scope, error) {
	for _, s := range []Scope{ScopeProcess, ScopeTree, ScopePIDNamespace} {
		if s.String() == name {
			return s, nil
		}
	}
	return ScopeProcess, fmt.Errorf("autokill: no scope %q: there are process, tree and pidns", name)
}
