package bond

import "fmt"

// Scope is who dies with the handle. Its number stands in a parcel, as 16 bits.
type Scope int

// The scopes.
const (
	ScopeProcess      Scope = iota // the child alone
	ScopeTree                      // the child's sealed process group
	ScopePIDNamespace              // a PID namespace that the child lives in
)

func (s Scope) String() string {
	switch s {
	case ScopeProcess:
		return "process"
	case ScopeTree:
		return "tree"
	case ScopePIDNamespace:
		return "pidns"
	}
	return fmt.Sprintf("Scope(%d)", int(s))
}
