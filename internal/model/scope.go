package model

// Mechanism says how a handle kills.
type Mechanism int

// The mechanisms.
const (
	Native Mechanism = iota
	Tripwire
)

// Scope says who dies with the handle.
type Scope int

// The scopes. A group is what AttachGroup binds: nothing seals it.
const (
	Process Scope = iota
	Tree
	PIDNamespace
	Group
)

// Bond is what ties a child to its handle.
type Bond struct {
	Mechanism Mechanism
	Scope     Scope
	// Attached: the child ran already. Nothing keeps it from becoming somebody whom the
	// signal does not reach (B2).
	Attached bool
	// Everywhere: the holder is root of the initial user namespace, whose signals reach
	// everybody.
	Everywhere bool
}

// child is somebody that can be bound, and those who come from him.
type child struct {
	bonds   []Bond
	members []member // the first is the child itself
	racing  bool     // in an exec from a thread that is not the leader
}

type member struct {
	fate   Fates
	gone   bool // out of the process group
	others bool // another user
}

func newChild() *child { return &child{members: []member{{fate: Lives}}} }

func (c *child) live(e Event) {
	switch e.Kind {
	case Spawn:
		c.members = append(c.members, member{fate: Lives})
	case Leave:
		c.members[e.Member].gone = true
	case Become:
		c.members[e.Member].others = true
	case Racing, Settled:
		c.racing = e.Kind == Racing
	case End:
		c.members[e.Member].fate = Dies
		if e.Member > 0 {
			return
		}
		for _, b := range c.bonds {
			if b.Scope == PIDNamespace { // its init ends with the command
				c.everybody(Dies)
			}
		}
	}
}

func (c *child) everybody(f Fates) {
	for i := range c.members {
		c.members[i].fate = f
	}
}

// binds says whether the bond has the member in it.
func (c *child) binds(b Bond, number int) bool {
	m := c.members[number]
	switch {
	case number > 0 && b.Scope == Process:
		return false
	case b.Scope == Group && m.gone:
		return false
	}
	return true
}

// reaches says whether the kernel's signal gets to a member whatever he has become. A
// child that was started cannot change its user where that would matter: no_new_privs, no
// CAP_SETUID, or its init keeps the user (L6).
func (c *child) reaches(b Bond, m member) bool {
	return !m.others || b.Mechanism == Native || b.Everywhere || !b.Attached
}

// handleGone is what the kernel does when the last reference goes.
func (c *child) handleGone(bond int) {
	b := c.bonds[bond]
	for i, m := range c.members {
		if m.fate == Dies || !c.binds(b, i) || !c.reaches(b, m) {
			continue
		}
		c.members[i].fate = Dies
		// Native sends once, to the task that was the leader. A tripwire has a second pipe,
		// and who walks a group or kills an init misses nobody.
		if c.racing && i == 0 && b.Mechanism == Native && b.Scope == Process {
			c.members[i].fate = Lives | Dies
		}
	}
}

// signalled is the kill of a Close by the only holder, through an observer.
func (c *child) signalled(bond int) {
	b := c.bonds[bond]
	for i, m := range c.members {
		if c.binds(b, i) && c.reaches(b, m) {
			c.members[i].fate = Dies
		}
	}
}

// cut is an attach whose holder has died in the middle: until both ends of the first pipe
// are armed nobody is bound.
func (c *child) cut(b Bond) {
	for i := range c.members {
		if c.binds(b, i) {
			c.members[i].fate |= Dies
		}
	}
}
