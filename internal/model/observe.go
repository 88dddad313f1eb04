package model

import "strings"

// Fates are the observations that are allowed of a process.
type Fates int

// A process that may be seen to live, and one that may be seen to be dead. Both: either.
const (
	Lives Fates = 1 << iota
	Dies
)

func (f Fates) String() string {
	var words []string
	if f&Lives != 0 {
		words = append(words, "lives")
	}
	if f&Dies != 0 {
		words = append(words, "dies")
	}
	return strings.Join(words, " or ")
}

// Answers are what may be told of how a child ended (E2, E4). Neither is a status that was
// made up.
type Answers int

// The status as it was, and "ended, status unknown".
const (
	Known Answers = 1 << iota
	Unknown
)

// Asking is who wants to know how a child ended.
type Asking struct {
	Bond Bond
	// Exits: the kernel tells everybody who has a pidfd (PIDFD_GET_INFO, Linux 6.15), and
	// nothing denies the question.
	Exits bool
	// Another: it is not the program that started the child, but has got its handle, or has
	// attached it.
	Another bool
	// Orphaned: whoever started the child has ended.
	Orphaned bool
	// Stolen: somebody else's wait has reaped the child.
	Stolen bool
	// Unreaped: its parent does not reap it.
	Unreaped bool
}

// Allowed are the answers.
func (a Asking) Allowed() Answers {
	switch {
	case a.Unreaped && a.Another:
		return Unknown // the kernel tells after the reap only
	case a.Exits && a.Orphaned:
		return Known | Unknown // who inherits an orphan may take his time
	case a.Exits:
		return Known
	case !a.Another && a.Bond.Scope == PIDNamespace:
		return Known // the init tells
	case !a.Another && !a.Stolen:
		return Known // it is the parent
	case !a.Another && a.Stolen:
		return Known | Unknown // a race
	case a.Another && !a.Orphaned && a.Bond.Mechanism == Tripwire && !a.Bond.Attached && !a.Stolen:
		return Known // whoever reaps leaves it in the queue of the handle
	}
	return Unknown
}
