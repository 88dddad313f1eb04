package model

// Holder is what somebody may do who starts a child.
type Holder struct {
	SysAdmin   bool // CAP_SYS_ADMIN in its user namespace
	Setuid     bool // CAP_SETUID in it
	Everywhere bool // root of the initial user namespace
	Sealed     bool // in a tree itself
}

// Wish is what somebody asks for who starts a child.
type Wish struct {
	NewPrivs    bool // a child without no_new_privs
	OtherUser   bool // one that becomes another user
	Init        bool // one that is the init of a PID namespace
	SharedFiles bool // one that shares the descriptor table
	Thread      bool // or CLONE_PARENT, or an exit signal
}

// Answer is what becomes of a start.
type Answer int

// The answers. All but the first leave nothing behind, and name the cause.
const (
	Starts       Answer = iota
	Invalid             // EINVAL
	NotPermitted        // EPERM
	Unsupported         // errors.ErrUnsupported
)

func (a Answer) String() string {
	return [...]string{"starts", "EINVAL", "EPERM", "errors.ErrUnsupported"}[a]
}

// Answers is what a holder gets.
func (b Bond) Answers(h Holder, w Wish) Answer {
	unreachable := b.Mechanism == Tripwire && b.Scope != PIDNamespace && !h.Everywhere
	switch {
	case w.Thread || w.SharedFiles: // R1, R2
		return Invalid
	case w.NewPrivs && !h.SysAdmin: // P2
		return NotPermitted
	case h.Sealed && (b.Scope != Process || b.Mechanism == Native): // R5; there is no clone3
		return Unsupported
	case b.Mechanism == Native && b.Scope == Tree: // R3
		return Unsupported
	case w.Init && (b.Mechanism == Tripwire || b.Scope == PIDNamespace): // R5
		return Unsupported
	case (w.NewPrivs || w.OtherUser) && unreachable: // L6, R5
		return Unsupported
	case w.OtherUser && !h.Setuid && b.Scope != PIDNamespace:
		return NotPermitted // the kernel's own answer
	case w.OtherUser && !h.Setuid:
		return Unsupported // a user namespace of one user has no other
	case w.Init && !h.SysAdmin:
		return NotPermitted // the kernel's own answer
	}
	return Starts
}
