package guest

import (
	"fmt"
	"slices"
	"testing"
)

// names are those of many tests.
func names() []string {
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprintf("Test%d", i))
	}
	return all
}

func TestShare(t *testing.T) {
	all := append(names(), "TestBoth")
	for seed := range uint64(20) {
		share := func(turn Turn) Share { return Share{Seed: seed, Turn: turn, Both: []string{"TestBoth"}} }
		first := share(First).Tests(all, nil)
		second := share(Second).Tests(all, nil)
		if last := share(Last).Tests(all, nil); last != nil {
			t.Errorf("seed %d: %q have a third turn", seed, last)
		}
		for _, name := range all {
			turns := 0
			for _, turn := range [][]string{first, second} {
				if slices.Contains(turn, name) {
					turns++
				}
			}
			if want := map[bool]int{true: 2, false: 1}[name == "TestBoth"]; turns != want {
				t.Errorf("seed %d: %s has %d turns", seed, name, turns)
			}
		}
		if len(first) < 60 || len(second) < 60 {
			t.Errorf("seed %d: %d and %d are no halves", seed, len(first), len(second))
		}
	}
}

func TestShareOfTheSkipped(t *testing.T) {
	all := names()
	share := func(turn Turn) Share { return Share{Seed: 1, Turn: turn} }
	first, second := share(First).Tests(all, nil), share(Second).Tests(all, nil)

	if got := share(Second).Tests(all, first[:2]); len(got) != len(second)+2 || !slices.Contains(got, first[0]) {
		t.Errorf("what the first turn skipped is not in the second: %q", got)
	}
	skipped := []string{first[0], second[0]}
	if got := share(Last).Tests(all, skipped); !slices.Equal(got, second[:1]) {
		t.Errorf("of %q, %q has the last turn", skipped, got)
	}
}

// TestLots: what one machine leaves another one has, and nobody has it twice.
func TestLots(t *testing.T) {
	for _, all := range [][]string{names(), names()[:5], names()[:1], nil} {
		for others := range 8 {
			var seen []string
			for number := range others + 1 {
				for _, turn := range []Turn{First, Second, Last} {
					seen = append(seen, Share{Seed: 3, Lot: Lot{number, others}, Turn: turn}.Tests(all, nil)...)
				}
			}
			slices.Sort(seen)
			if want := slices.Sorted(slices.Values(all)); !slices.Equal(seen, want) {
				t.Errorf("%d machines have %q of %q", others+1, seen, want)
			}
		}
	}
}

func TestPortion(t *testing.T) {
	for _, tt := range []struct {
		share           Share
		of              int
		which, portions int
	}{
		{Share{Seed: 7, Turn: First}, 2, 0, 2},
		{Share{Seed: 7, Turn: Second}, 2, 1, 2},
		{Share{Seed: 7, Turn: Last}, 2, 0, 2},
		{Share{Seed: 7, Turn: Second}, 3, 1, 3},
		{Share{Seed: 7, Turn: First, Lot: Lot{2, 3}}, 3, 6, 12},
		{Share{Seed: 7, Turn: Second, Lot: Lot{3, 3}}, 2, 7, 8},
	} {
		share, err := ParseShare(tt.share.String())
		which, portions := share.Portion(tt.of)
		if err != nil || share.Seed != 7 || which != tt.which || portions != tt.portions {
			t.Errorf("%v of %d: %d of %d by %d, %v; want %d of %d", tt.share, tt.of, which, portions, share.Seed, err, tt.which, tt.portions)
		}
	}
	if _, err := ParseShare("1/x"); err == nil {
		t.Error("nonsense is a share")
	}
}

func TestSkipped(t *testing.T) {
	for line, want := range map[string]string{
		"\x16--- SKIP: TestA (0.00s)\n":            "TestA",
		"\x16    --- SKIP: TestA/native (0.00s)\n": "TestA",
		"--- SKIP: ExampleB (0.00s)":               "ExampleB",
		"--- PASS: TestA (0.00s)":                  "",
		"    a_test.go:1: nothing":                 "",
	} {
		if got := Skipped(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestRun(t *testing.T) {
	if got, want := Run([]string{"TestA", "FuzzB"}), "^(TestA|FuzzB)$"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
