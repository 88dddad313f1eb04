package model

import (
	"slices"
	"testing"
)

// TestRandomWalk: the same seed makes the same walk, and all of it can happen.
func TestRandomWalk(t *testing.T) {
	const steps = 2000
	walk := RandomWalk(Bond{}, 1, steps)
	if len(walk) < steps || !slices.Equal(walk, RandomWalk(Bond{}, 1, steps)) {
		t.Errorf("two walks of one seed are not the same, or not %d long: %d", steps, len(walk))
	}
	if slices.Equal(walk, RandomWalk(Bond{}, 2, steps)) {
		t.Error("two seeds make the same walk")
	}
	seen := map[Kind]int{}
	for _, e := range walk {
		seen[e.Kind]++
	}
	for _, w := range weights {
		if seen[w.kind] == 0 {
			t.Errorf("no %v in %d steps", w.kind, steps)
		}
	}
	if seen[Inherit] == 0 {
		t.Error("no exec has kept anything")
	}
	if left := Possible(Bond{}, walk); len(left) != len(walk) {
		t.Errorf("%d of %d can happen", len(left), len(walk))
	}
}

// TestShrink looks for a defect that takes three events of 300: who receives what was sent
// and closes it kills the child.
func TestShrink(t *testing.T) {
	fails := func(walk []Event) bool {
		received := map[int]bool{}
		for _, e := range walk {
			if e.Kind == Receive {
				received[e.New] = true
			}
			if e.Kind == Close && received[e.Ref] {
				return true
			}
		}
		return false
	}
	walk := RandomWalk(Bond{}, 3, 300)
	if !fails(walk) {
		t.Fatal("this walk has nothing of it")
	}
	small := Shrink(Bond{}, walk, 1000, fails)
	var kinds []Kind
	for _, e := range small {
		kinds = append(kinds, e.Kind)
	}
	if want := []Kind{Start, Send, Route, Receive, Close}; !slices.Equal(kinds, want) || !fails(small) {
		t.Errorf("got %v", small)
	}
	asked := 0
	Shrink(Bond{}, walk, 7, func([]Event) bool { asked++; return false })
	if asked > 7 {
		t.Errorf("asked %d times", asked)
	}
}
