//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// world is what the contract says about handles on their way between holders: a child
// lives for as long as there is a reference to its handle, wherever that is. No system
// call, no clock.
type world struct {
	holders []holderModel
	// flying are references that are in a socket: of each, where it can be taken out.
	boxes    []box
	children map[int]int // references to each child that lives
	next     int         // the next child's number, and of a reference's
}

// holderModel has references, by number: of which child.
type holderModel struct {
	refs  map[int]int
	inbox []int // children whose references wait in its socket
}

// box is what a holder has sent, and which nobody has fetched: it outlives the holder.
type box struct {
	holder  int // -1: the holder is dead
	flights []int
}

func newWorld(holders int) *world {
	w := &world{children: map[int]int{}}
	for i := range holders {
		w.holders = append(w.holders, holderModel{refs: map[int]int{}})
		w.boxes = append(w.boxes, box{holder: i})
	}
	return w
}

// event is one step of a walk.
type event struct {
	kind     eventKind
	holder   int // who does it
	ref, new int // references
	child    int
	box      int
}

type eventKind int

const (
	startChild eventKind = iota
	dupRef
	closeRef
	sendRef
	routeRef // from a box into the inbox of a holder
	receiveRef
	discardBox
	execHolder
	killHolder
)

var eventNames = []string{"start", "dup", "close", "send", "route", "receive", "discard box", "exec", "kill"}

// weights are how often the events are tried.
var weights = []int{28, 14, 16, 16, 14, 14, 1, 1, 1}

// pick chooses something that can happen now.
func (w *world) pick(r *rand.Rand, most int) event {
	for {
		n := r.IntN(105)
		kind := eventKind(0)
		for n >= weights[kind] {
			n -= weights[kind]
			kind++
		}
		e := event{kind: kind, holder: r.IntN(len(w.holders)), box: r.IntN(len(w.boxes))}
		h := w.holders[e.holder]
		switch kind {
		case startChild:
			if len(w.children) >= most {
				continue
			}
			w.next++
			e.child, e.new = w.next, w.next
		case dupRef, closeRef, sendRef:
			if len(h.refs) == 0 {
				continue
			}
			e.ref = anyKey(r, h.refs)
			e.child = h.refs[e.ref]
			w.next++
			e.new = w.next
		case routeRef:
			if len(w.boxes[e.box].flights) == 0 || len(h.inbox) >= 5 {
				continue
			}
			e.child = w.boxes[e.box].flights[0]
		case receiveRef:
			if len(h.inbox) == 0 {
				continue
			}
			e.child = h.inbox[0]
			w.next++
			e.new = w.next
		case discardBox:
			if w.boxes[e.box].holder >= 0 {
				continue
			}
		}
		if kind == sendRef && len(w.boxOf(e.holder).flights) >= 5 {
			continue // a socket has room for so many
		}
		return e
	}
}

// anyKey sorts, since the order must not depend on chance that the seed does not decide.
func anyKey(r *rand.Rand, m map[int]int) int {
	return slices.Sorted(maps.Keys(m))[r.IntN(len(m))]
}

func (w *world) boxOf(holder int) *box {
	for i := range w.boxes {
		if w.boxes[i].holder == holder {
			return &w.boxes[i]
		}
	}
	return nil
}

// happen is the contract. It returns the children that die of the event.
func (w *world) happen(e event) (dead []int) {
	drop := func(child int) {
		if w.children[child]--; w.children[child] == 0 {
			delete(w.children, child)
			dead = append(dead, child)
		}
	}
	h := &w.holders[e.holder]
	switch e.kind {
	case startChild, dupRef:
		h.refs[e.new] = e.child
		w.children[e.child]++
	case closeRef:
		delete(h.refs, e.ref)
		drop(e.child)
	case sendRef:
		b := w.boxOf(e.holder)
		b.flights = append(b.flights, e.child)
		w.children[e.child]++
	case routeRef:
		b := &w.boxes[e.box]
		b.flights = b.flights[1:]
		h.inbox = append(h.inbox, e.child)
	case receiveRef:
		h.inbox = h.inbox[1:]
		h.refs[e.new] = e.child
	case discardBox:
		for _, child := range w.boxes[e.box].flights {
			drop(child)
		}
		w.boxes = append(w.boxes[:e.box], w.boxes[e.box+1:]...)
	case execHolder:
	case killHolder:
		for _, child := range h.refs {
			drop(child)
		}
		for _, child := range h.inbox {
			drop(child)
		}
		w.boxOf(e.holder).holder = -1
		*h = holderModel{refs: map[int]int{}}
		w.boxes = append(w.boxes, box{holder: e.holder})
	}
	return dead
}
