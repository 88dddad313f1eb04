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
	Seed    uint64 // another division for another number
	Machine Machine
	Turn    Turn
	Both    []string // tests that divide themselves, and run in the first and the second turn
}

// A Machine is one of several that have the tests between them. The zero value has all.
type Machine struct{ Number, Others int }

// Tests chooses from all tests of the binary. skipped are those of the turn before.
func (s Share) Tests(all, skipped []string) []string {
	var mine []string
	order := rand.New(rand.NewPCG(s.Seed, 0)).Perm(len(all))
	portions := 2 * (s.Machine.Others + 1)
	for i, name := range all {
		portion := order[i] * portions / len(all)
		here := portion/2 == s.Machine.Number
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
	return fmt.Sprintf("%d/%d/%d/%d", s.Seed, s.Turn, s.Machine.Number, s.Machine.Others)
}

// Portion is which of how many equal parts a run has of what divides itself in a machine into so
// many, by what the test binary was told.
func Portion(share string, of int) (seed uint64, which, portions int, err error) {
	var s Share
	if _, err := fmt.Sscanf(share, "%d/%d/%d/%d", &s.Seed, &s.Turn, &s.Machine.Number, &s.Machine.Others); err != nil {
		return 0, 0, 0, fmt.Errorf("a share of the tests %q: %w", share, err)
	}
	turn := int(s.Turn % 2) // the last turn is the first one's user again
	return s.Seed, s.Machine.Number*of + turn, (s.Machine.Others + 1) * of, nil
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
