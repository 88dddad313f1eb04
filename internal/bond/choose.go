package bond

import (
	"errors"
	"fmt"
	"syscall"
)

// Kind names a mechanism.
type Kind int

// The mechanisms. Auto is the wish for the best one there is.
const (
	Auto Kind = iota
	Native
	Tripwire
)

func (k Kind) String() string {
	switch k {
	case Auto:
		return "auto"
	case Native:
		return "native"
	case Tripwire:
		return "tripwire"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Wish is what of a start the choice depends on.
type Wish struct {
	Kind          Kind
	Scope         Scope
	AllowNewPrivs bool // no no_new_privs for the child
	Rusage        bool // real resource usage of the child
	Ptrace        bool // the caller traces the child
	NewPIDNS      bool // the child is the init of a PID namespace
	OtherUID      bool // the child becomes another user, or can by the maps of its user namespace
	Setuid        bool // the child is to have CAP_SETUID after its exec
	OtherGroup    bool // the child joins a process group
	UnsharePIDNS  bool // the child's children are in a PID namespace of their own
}

// Facts are what the choice is made of.
type Facts struct {
	Native   error // nil: there. Otherwise why not
	SysAdmin bool  // the caller has CAP_SYS_ADMIN in its user namespace
	Setuid   bool  // the caller has, or could raise, CAP_SETUID in it
	Root     bool  // the caller is root of the initial user namespace
	Blind    bool  // the caller is root, but nothing tells of which user namespace
	MixedIDs bool  // the caller's real and effective ids are not the same
	Sealed   bool  // the caller is in a tree itself; not known if the wish is for a process
}

// Plan is what was chosen.
type Plan struct {
	Kind Kind
	// DropSetuid: the child must lose CAP_SETUID, or it could become a user whom
	// the tripwire's signal may not reach.
	DropSetuid bool
	// UserNamespace: a PID namespace takes a user namespace.
	UserNamespace bool
}

// choose is the whole policy. It refuses what the mechanism cannot keep; it never
// picks a weaker child.
func choose(w Wish, f Facts) (Plan, error) {
	// Like the kernel: CAP_SYS_ADMIN, and nothing else, may do without.
	if w.AllowNewPrivs && !f.SysAdmin {
		return Plan{Kind: w.Kind}, fmt.Errorf("a child without no_new_privs needs CAP_SYS_ADMIN in the user namespace of the caller: %w", syscall.EPERM)
	}
	switch w.Scope {
	case ScopeProcess:
		return chooseProcess(w, f)
	case ScopeTree:
		return chooseTree(w, f)
	case ScopePIDNamespace:
		return choosePIDNamespace(w, f)
	}
	return Plan{Kind: w.Kind}, fmt.Errorf("there is no scope %v: %w", w.Scope, syscall.EINVAL)
}

func chooseProcess(w Wish, f Facts) (Plan, error) {
	kind := w.Kind
	if kind == Auto {
		kind = Tripwire
		if f.Native == nil && !w.Rusage && !w.Ptrace {
			kind = Native
		}
	}
	switch kind {
	case Native:
		return chooseNative(w, f)
	case Tripwire:
		return chooseTripwire(w, f)
	}
	return Plan{Kind: kind}, noMechanism(kind)
}

// ErrSealed is a tree that was to begin inside of a tree.
var ErrSealed = unsupported("this program is in a sealed tree, where nobody can lead a process group of their own: what it starts belongs to that tree and dies with it")

// chooseTree knows tripwire only, for native kills no more than one process.
func chooseTree(w Wish, f Facts) (Plan, error) {
	plan := Plan{Kind: w.Kind}
	switch {
	case w.Kind == Native:
		return plan, unsupported("native kills one process and not a tree: tripwire does, or scope process takes native")
	case w.Kind != Auto && w.Kind != Tripwire:
		return plan, noMechanism(w.Kind)
	}
	plan.Kind = Tripwire
	switch {
	case w.OtherGroup:
		return plan, fmt.Errorf("SysProcAttr.Pgid: the child leads the process group of its tree and cannot join another: %w", syscall.EINVAL)
	case w.NewPIDNS:
		return plan, unsupported("the init of a new PID namespace ignores the signal that kills a tree; there is a scope for PID namespaces")
	case w.UnsharePIDNS:
		return plan, unsupported("the child's children would be in a PID namespace whose init ignores the signal that kills a tree; there is a scope for PID namespaces")
	case f.Sealed:
		return plan, ErrSealed
	}
	return chooseTripwire(w, f)
}

func noMechanism(k Kind) error { return fmt.Errorf("there is no mechanism %d: %w", k, syscall.EINVAL) }

const inOtherPIDNamespace = "the child would be in another PID namespace, whose init ignores the signal of a tripwire; native (Linux 7.1) can kill it"

func chooseNative(w Wish, f Facts) (Plan, error) {
	plan := Plan{Kind: Native}
	if f.Native != nil {
		return plan, f.Native
	}
	if w.Rusage {
		return plan, unsupported("the kernel keeps no resource usage of an auto-reaped child; tripwire has it")
	}
	if w.Ptrace {
		return plan, unsupported("the kernel does not reap a traced child by itself; with tripwire autokill does")
	}
	return plan, nil
}

// chooseTripwire refuses every child that the signal could not reach. The
// kernel's rule is sigio_perm in fs/fcntl.c: who armed was root of the initial
// user namespace, or has a uid in common with the target.
func chooseTripwire(w Wish, f Facts) (Plan, error) {
	plan := Plan{Kind: Tripwire}
	if w.NewPIDNS {
		return plan, unsupported(inOtherPIDNamespace)
	}
	if f.Root {
		return plan, nil
	}
	reach := ", out of reach of a tripwire whose owner is not root of the initial user namespace; native (Linux 7.1) can kill it"
	if f.Blind {
		reach = ", out of reach of a tripwire unless its owner is root of the initial user namespace, which cannot be known without /proc; native (Linux 7.1) can kill it"
	}
	switch {
	case w.OtherUID:
		return plan, unsupported("the child would be of another uid" + reach)
	case w.AllowNewPrivs:
		return plan, unsupported("without no_new_privs the child could become another uid" + reach)
	case w.Setuid:
		return plan, unsupported("with CAP_SETUID the child could become another uid" + reach)
	}
	plan.DropSetuid = f.Setuid
	return plan, nil
}

func unsupported(why string) error { return fmt.Errorf("%s: %w", why, errors.ErrUnsupported) }
