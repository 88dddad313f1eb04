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
	// namespace of their own. When the child ends, all others are killed, and Wait
	// returns when they are gone. The child is process 2 there, has its own /proc, and
	// cannot see or signal who is outside; mounts that it makes are its own.
	//
	// It takes CAP_SYS_ADMIN, or user namespaces for ordinary users, in which the files
	// of others seem to belong to nobody. Where these are forbidden, as in many
	// containers, the start is refused.
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
