package model

import (
	"maps"
	"slices"
)

// reference is a descriptor of a handle, in a holder. All that refer to one open file keep
// it (L3).
type reference struct {
	child  int
	bond   int // which of the child's: one that is attached has a handle for each time
	holder int

	process   bool // the library has it as a Process; otherwise it is a file
	shared    bool // and has given it to others, or got it from them
	released  bool
	inherited bool // not close-on-exec (L9)
}

// queue is of a socket: what is in flight there is a reference, too.
type queue struct {
	holder int // who can receive from it; with its end the queue is gone. 0 is the test
	flying []flight
}

type flight struct{ child, bond int }

func (w *World) queue(number int) *queue {
	if w.queues[number] == nil {
		w.queues[number] = &queue{}
	}
	return w.queues[number]
}

// Own makes a queue that of a holder: what is in it goes with him.
func (w *World) Own(queue, holder int) { w.queue(queue).holder = holder }

// Flying is how many references wait in a queue.
func (w *World) Flying(queue int) int { return len(w.queue(queue).flying) }

func (w *World) duplicate(ref, as, holder int) {
	r := w.refs[ref]
	w.refs[as] = &reference{child: r.child, bond: r.bond, holder: holder}
}

// drop takes a reference away. The last one decides (L1).
func (w *World) drop(ref int) {
	r := w.refs[ref]
	delete(w.refs, ref)
	w.released(flight{r.child, r.bond})
}

func (w *World) released(f flight) {
	for _, r := range w.refs {
		if r.child == f.child && r.bond == f.bond {
			return
		}
	}
	for _, q := range w.queues {
		for _, other := range q.flying {
			if other == f {
				return
			}
		}
	}
	w.children[f.child].handleGone(f.bond)
}

// close is Process.Close. The only holder signals first, and that cannot be lost (B4).
// After Release it does nothing (E5).
func (w *World) close(ref int) {
	r := w.refs[ref]
	if r.released {
		return
	}
	if !r.shared {
		w.children[r.child].signalled(r.bond)
	}
	w.drop(ref)
}

func (w *World) discard(number int) {
	flying := w.queue(number).flying
	delete(w.queues, number)
	for _, f := range flying {
		w.released(f)
	}
}

// exec closes all that is not left open for it. The library of the next program has got the
// rest from elsewhere.
func (w *World) exec(holder int) {
	for number, r := range w.refs {
		switch {
		case r.holder != holder:
		case r.inherited:
			r.inherited, r.shared = false, true
		default:
			w.drop(number)
		}
	}
}

// fork numbers the copies from that of the new holder on, which so must be beyond all.
func (w *World) fork(holder, as int) {
	for i, number := range slices.Sorted(maps.Keys(w.References(holder))) {
		r := *w.refs[number]
		r.holder = as
		w.refs[as+i] = &r
	}
}

// kill drops all that a holder has, whatever ends it (L2).
func (w *World) kill(holder int) {
	for number, r := range w.refs {
		if r.holder == holder {
			w.drop(number)
		}
	}
	for number, q := range w.queues {
		if q.holder == holder {
			w.discard(number)
		}
	}
}

// References are those of a holder, by number: of which child.
func (w *World) References(holder int) map[int]int {
	all := map[int]int{}
	for number, r := range w.refs {
		if r.holder == holder {
			all[number] = r.child
		}
	}
	return all
}
