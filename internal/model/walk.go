package model

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Limits of a walk. Every holder has a queue to receive from, which goes with him, and one
// that it sends into, which outlives him.
const (
	Holders  = 5
	children = 200
	waiting  = 5 // in a socket there is room for so many
)

// Inbox is what a holder receives from; holders count from 1.
func Inbox(holder int) int { return holder }

// walker makes up a walk.
type walker struct {
	world *World
	r     *rand.Rand
	last  int         // the number that was given last
	out   map[int]int // the queue that a holder sends into
	lost  []int       // those of dead holders
}

// weights are how often the kinds of a walk's events are tried.
var weights = []struct {
	kind   Kind
	weight int
}{{Start, 28}, {Share, 14}, {Close, 16}, {Send, 16}, {Route, 14}, {Receive, 14}, {Discard, 1}, {Exec, 1}, {Kill, 1}}

const allWeights = 105

// NewWalk is a world with the holders of a walk in it.
func NewWalk(b Bond) *World {
	w := New(b)
	for holder := 1; holder <= Holders; holder++ {
		w.Own(Inbox(holder), holder)
	}
	return w
}

// RandomWalk makes up so many events, all of which can happen in this order. What is shared
// is adopted at once: see Step.
func RandomWalk(b Bond, seed uint64, steps int) []Event {
	k := &walker{world: NewWalk(b), r: rand.New(rand.NewPCG(seed, 0)), out: map[int]int{}, last: 1000}
	for holder := 1; holder <= Holders; holder++ {
		k.out[holder] = k.next()
	}
	var walk []Event
	for len(walk) < steps {
		e, ok := k.pick()
		if !ok {
			continue
		}
		if e.Kind == Exec {
			walk = append(walk, k.inherit(e.Holder)...)
		}
		if Step(k.world, e) != nil {
			continue
		}
		walk = append(walk, e)
		if e.Kind == Kill {
			k.lost = append(k.lost, k.out[e.Holder])
			k.out[e.Holder] = k.next()
		}
	}
	return walk
}

func (k *walker) next() int { k.last++; return k.last }

// pick makes up something, which may be impossible.
func (k *walker) pick() (Event, bool) {
	n := k.r.IntN(allWeights)
	i := 0
	for n >= weights[i].weight {
		n -= weights[i].weight
		i++
	}
	e := Event{Kind: weights[i].kind, Holder: 1 + k.r.IntN(Holders)}
	refs := k.world.References(e.Holder)
	switch e.Kind {
	case Start:
		e.Child, e.New = k.next(), k.next()
		return e, len(k.world.Living()) < children
	case Share, Close, Send:
		if len(refs) == 0 {
			return e, false
		}
		e.Ref = anyOf(k.r, slices.Sorted(maps.Keys(refs)))
		e.Child = refs[e.Ref]
		e.New, e.Queue = k.next(), k.out[e.Holder]
		return e, e.Kind != Send || k.world.Flying(e.Queue) < waiting
	case Route:
		queues := append(slices.Clone(k.lost), slices.Sorted(maps.Values(k.out))...)
		e.Queue, e.To = anyOf(k.r, queues), Inbox(e.Holder)
		return e, k.world.Flying(e.To) < waiting
	case Receive:
		e.Queue, e.New = Inbox(e.Holder), k.next()
	case Discard:
		if len(k.lost) == 0 {
			return e, false
		}
		e.Queue = anyOf(k.r, k.lost)
		k.lost = slices.DeleteFunc(k.lost, func(q int) bool { return q == e.Queue })
	}
	return e, true
}

// inherit leaves most of a holder's references open for its exec.
func (k *walker) inherit(holder int) []Event {
	var all []Event
	for _, ref := range slices.Sorted(maps.Keys(k.world.References(holder))) {
		e := Event{Kind: Inherit, Holder: holder, Ref: ref}
		if k.r.IntN(4) > 0 && Step(k.world, e) == nil {
			all = append(all, e)
		}
	}
	return all
}

// anyOf takes one of a sorted list: the order must not depend on chance that the seed does
// not decide.
func anyOf(r *rand.Rand, from []int) int { return from[r.IntN(len(from))] }

// Step lets an event of a walk happen. A holder that is killed is followed by another one
// of the same number, with an inbox of its own.
func Step(w *World, e Event) error {
	if err := w.Happen(e); err != nil {
		return err
	}
	switch e.Kind {
	case Share:
		return w.Happen(Event{Kind: Adopt, Ref: e.New})
	case Kill:
		w.Own(Inbox(e.Holder), e.Holder)
	}
	return nil
}

// Possible leaves out of a walk what cannot happen any more when other events are missing.
func Possible(b Bond, walk []Event) []Event {
	w := NewWalk(b)
	return slices.DeleteFunc(slices.Clone(walk), func(e Event) bool { return Step(w, e) != nil })
}

// Shrink looks for a short walk that fails like a long one: it leaves out half, then a
// quarter, and so on down to single events, for as long as the rest fails (ddmin). tries
// bounds how often that is asked.
func Shrink(b Bond, walk []Event, tries int, fails func([]Event) bool) []Event {
	for size := (len(walk) + 1) / 2; size > 0; {
		smaller := false
		for at := 0; at < len(walk) && tries > 0; {
			rest := Possible(b, slices.Delete(slices.Clone(walk), at, min(at+size, len(walk))))
			tries--
			if len(rest) < len(walk) && fails(rest) {
				walk, smaller = rest, true
				continue // what comes after is now in its place
			}
			at += size
		}
		switch {
		case tries <= 0:
			return walk
		case size > 1:
			size /= 2
		case !smaller:
			return walk
		}
	}
	return walk
}
