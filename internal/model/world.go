package model

import (
	"fmt"
	"maps"
	"slices"
)

// World is a state of things.
type World struct {
	bond     Bond
	refs     map[int]*reference
	queues   map[int]*queue
	children map[int]*child
}

// New is a world in which nothing has happened. Children are bound by the bond.
func New(b Bond) *World {
	return &World{b, map[int]*reference{}, map[int]*queue{}, map[int]*child{}}
}

// Happen lets something happen. An event that cannot happen now is an error, and nothing
// has changed.
func (w *World) Happen(e Event) error {
	if err := w.possible(e); err != nil {
		return err
	}
	switch e.Kind {
	case Start, Attach:
		if e.Kind == Start {
			w.children[e.Child] = newChild()
		}
		c := w.children[e.Child]
		c.bonds = append(c.bonds, w.bond)
		w.refs[e.New] = &reference{child: e.Child, bond: len(c.bonds) - 1, holder: e.Holder, process: true}
	case Copy:
		w.duplicate(e.Ref, e.New, e.Holder)
	case Share:
		w.refs[e.Ref].shared = true
		w.duplicate(e.Ref, e.New, w.refs[e.Ref].holder)
	case Adopt:
		w.refs[e.Ref].process, w.refs[e.Ref].shared = true, true
	case Drop:
		w.drop(e.Ref)
	case Close:
		w.close(e.Ref)
	case Release:
		w.refs[e.Ref].released = true
	case Send:
		r := w.refs[e.Ref]
		r.shared = true
		q := w.queue(e.Queue)
		q.flying = append(q.flying, flight{r.child, r.bond})
	case Route:
		from, to := w.queue(e.Queue), w.queue(e.To)
		to.flying = append(to.flying, from.flying[0])
		from.flying = from.flying[1:]
	case Receive:
		q := w.queue(e.Queue)
		f := q.flying[0]
		q.flying = q.flying[1:]
		w.refs[e.New] = &reference{child: f.child, bond: f.bond, holder: e.Holder, process: true, shared: true}
	case Discard:
		w.discard(e.Queue)
	case Inherit:
		w.refs[e.Ref].inherited = true
	case Exec:
		w.exec(e.Holder)
	case Fork:
		w.fork(e.Holder, e.New)
	case Kill:
		w.kill(e.Holder)
	case Cut:
		w.children[e.Child] = newChild()
		w.children[e.Child].everybody(Dies)
		w.kill(e.Holder)
	case CutBind:
		w.children[e.Child].cut(w.bond)
		w.kill(e.Holder)
	case Bystander:
		w.children[e.Child] = newChild()
	case Thread, Observe, Resist: // L4, L5, L6: nothing comes of it
	default:
		w.children[e.Child].live(e)
	}
	return nil
}

// possible says why an event cannot happen now.
func (w *World) possible(e Event) error {
	cannot := func(why string) error { return fmt.Errorf("%v: %s", e, why) }
	ref, there := w.refs[e.Ref]
	switch e.Kind {
	case Copy, Share, Adopt, Drop, Close, Release, Send, Inherit:
		if !there {
			return cannot("there is no such reference")
		}
		if e.Kind == Adopt && ref.process {
			return cannot("it is a Process and not a file")
		}
		if (e.Kind == Share || e.Kind == Close || e.Kind == Release || e.Kind == Send) && !ref.process {
			return cannot("it is a file and not a Process")
		}
		if (e.Kind == Share || e.Kind == Send) && ref.released {
			return cannot("the Process was given up")
		}
	case Route, Receive:
		if q := w.queues[e.Queue]; q == nil || len(q.flying) == 0 {
			return cannot("nothing is in the queue")
		}
	}
	switch _, new := w.refs[e.New]; e.Kind {
	case Start, Attach, Copy, Share, Receive:
		if new {
			return cannot("the number of the new reference is in use")
		}
	}
	_, known := w.children[e.Child]
	switch {
	case e.Kind == Start || e.Kind == Cut || e.Kind == Bystander:
		if known {
			return cannot("the child is there already")
		}
	case e.Kind > Bystander || e.Kind == Attach || e.Kind == CutBind:
		if !known {
			return cannot("there is no such child")
		}
	}
	return nil
}

// Fate is what may be seen of a member of a child's family, whose first is 0: the child
// itself.
func (w *World) Fate(child, member int) Fates { return w.children[child].members[member].fate }

// Living are the children that must live, in order.
func (w *World) Living() []int {
	return slices.Sorted(func(yield func(int) bool) {
		for number := range maps.Keys(w.children) {
			if w.Fate(number, 0) == Lives && !yield(number) {
				return
			}
		}
	})
}
