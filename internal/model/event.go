// Package model is the contract as a program: what happens to processes and handles goes in,
// what may be seen of them comes out. It makes no system call and has no clock. The contract
// suite asks it who lives, the random walk runs it beside the real thing, and
// docs/guarantees.md is printed from it.
package model

import "fmt"

// Event is something that happens. Which of the numbers it uses depends on its kind. The
// caller chooses those of what is new.
type Event struct {
	Kind      Kind
	Holder    int // a process that holds handles
	New       int // a reference, or for Fork a holder, that there is from now on
	Ref       int // a reference
	Queue, To int // of sockets
	Child     int
	Member    int // of the child's family
}

// Kind is what happens.
type Kind int

// What happens to handles.
const (
	Start   Kind = iota // the holder starts the child, and has its handle as a Process, New
	Attach              // the holder binds the child, which runs already: New
	Copy                // Ref is duplicated into the holder behind the library's back: New
	Share               // the Process Ref gives another reference to its handle: New
	Adopt               // Ref, which is a file, becomes a Process
	Drop                // the descriptor Ref is closed, and not by the library
	Close               // the Process Ref is closed
	Release             // the Process Ref is given up, or garbage
	Send                // the Process Ref sends a reference into Queue
	Route               // the oldest one in Queue goes on into the queue To
	Receive             // the holder makes a Process of the oldest one in Queue: New
	Discard             // nobody can receive from Queue any more
	Inherit             // Ref will be left open by an exec
	Exec                // the holder becomes another program
	Fork                // the holder starts another one, New, that has all that it has
	Thread              // the thread of the holder that has started its children ends
	Kill                // the holder ends: SIGKILL, exit, panic, out of memory
	Cut                 // the holder ends in the middle of starting the child
	CutBind             // the holder ends in the middle of attaching the child
)

// What happens to a child and those who come from it.
const (
	Bystander Kind = iota + 100 // the child runs, and nobody has bound it
	Spawn                       // somebody of the child's family starts another, Member
	Leave                       // the Member is out of the child's process group, if it can: setsid, daemon(3)
	Become                      // the Member changes its user
	Resist                      // the Member closes all descriptors, ignores all signals, stops itself, …
	Racing                      // from here on the child is in an exec from a thread that is not the leader
	Settled                     // and from here on in no exec
	End                         // the Member ends by itself
	Observe                     // somebody opens a pidfd of the child, and closes it
)

var names = map[Kind]string{
	Start: "start", Attach: "attach", Copy: "copy", Share: "share", Adopt: "adopt", Drop: "drop", Close: "close",
	Release: "release", Send: "send", Route: "route", Receive: "receive", Discard: "discard", Inherit: "inherit", Exec: "exec",
	Fork: "fork", Thread: "thread ends", Kill: "kill", Cut: "kill in the start", CutBind: "kill in the attach",
	Bystander: "bystander", Spawn: "spawn", Leave: "leave", Become: "become", Resist: "resist", Racing: "exec begins",
	Settled: "exec is over", End: "end", Observe: "observe",
}

func (k Kind) String() string { return names[k] }

func (e Event) String() string {
	switch e.Kind {
	case Start, Attach:
		return fmt.Sprintf("%v %d by holder %d, which has it as %d", e.Kind, e.Child, e.Holder, e.New)
	case Copy, Share:
		return fmt.Sprintf("%v %d as %d", e.Kind, e.Ref, e.New)
	case Adopt, Drop, Close, Release, Inherit:
		return fmt.Sprintf("%v %d", e.Kind, e.Ref)
	case Send:
		return fmt.Sprintf("%v %d into queue %d", e.Kind, e.Ref, e.Queue)
	case Route:
		return fmt.Sprintf("%v from queue %d into %d", e.Kind, e.Queue, e.To)
	case Receive:
		return fmt.Sprintf("%v from queue %d by holder %d, which has it as %d", e.Kind, e.Queue, e.Holder, e.New)
	case Discard:
		return fmt.Sprintf("%v queue %d", e.Kind, e.Queue)
	case Fork:
		return fmt.Sprintf("%v holder %d as %d", e.Kind, e.Holder, e.New)
	case Exec, Thread, Kill:
		return fmt.Sprintf("%v of holder %d", e.Kind, e.Holder)
	case Cut, CutBind:
		return fmt.Sprintf("%v of %d by holder %d", e.Kind, e.Child, e.Holder)
	}
	return fmt.Sprintf("%v of child %d, member %d", e.Kind, e.Child, e.Member)
}
