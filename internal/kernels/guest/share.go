package guest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// A Turn is one of the runs of a test binary that share its tests.
type Turn int

// The turns, in the order in which they come.
const (
	First  Turn = iota // half of the tests
	Second             // the other half, and what was skipped in the first
	Last               // what was skipped in the second, unless it had its turn in the first
)

// A Share is what a run has of the tests of its binary. Two users share them: each test runs as
// one of them, by chance, and as the other, too, if it or a part of it was skipped.
type Share struct {
	Seed uint64 // another division for another number
	Lot  Lot
	Turn Turn
	Both []string // tests that divide themselves, and run in the first and the second turn
}

// A Lot is what one of several machines has of the tests, that have them between them: which one it
// is, and how many others there are. The zero value is all.
type Lot struct{ Number, Others int }

// Tests chooses from all tests of the binary. skipped are those of the turn before.
func (s Share) Tests(all, skipped []string) []string {
	var mine []string
	order := rand.New(rand.NewPCG(s.Seed, 0)).Perm(len(all))
	portions := 2 * (s.Lot.Others + 1)
	for i, name := range all {
		portion := order[i] * portions / len(all)
		here := portion/2 == s.Lot.Number
		first, again, both := here && portion%2 == 0, slices.Contains(skipped, name), slices.Contains(s.Both, name)
		var take bool
		switch s.Turn {
		case First:
			take = first || both
		case Second:
			take = here && !first || again || both
		case Last:
			take = !first && again && !both
		}
		if take {
			mine = append(mine, name)
		}
	}
	return mine
}

// String is the share as a test binary is told of it.
func (s Share) String() string {
	return fmt.Sprintf("%d/%d/%d/%d", s.Seed, s.Turn, s.Lot.Number, s.Lot.Others)
}

// ParseShare is the other way round.
func ParseShare(text string) (s Share, err error) {
	if _, err := fmt.Sscanf(text, "%d/%d/%d/%d", &s.Seed, &s.Turn, &s.Lot.Number, &s.Lot.Others); err != nil {
		return Share{}, fmt.Errorf("a share of the tests %q: %w", text, err)
	}
	return s, nil
}

// Portion is which of how many equal parts the run has of what divides itself in a machine into
// so many.
func (s Share) Portion(of int) (which, portions int) {
	turn := int(s.Turn % 2) // the last turn is the first one's user again
	return s.Lot.Number*of + turn, (s.Lot.Others + 1) * of
}

// Run is the regular expression that makes a test binary run these tests.
func Run(tests []string) string { return "^(" + strings.Join(tests, "|") + ")$" }

// skip is what a test binary writes of a test or a subtest.
var skip = regexp.MustCompile(`--- SKIP: ([^\s/]+)`)

// Skipped is the test that a line of a test binary's output says was skipped, as a whole or in
// part, or empty.
func Skipped(line string) string {
	if m := skip.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}
