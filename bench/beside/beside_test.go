package beside

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func chance() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// TestOrder: everybody has all of their turns, and the orders differ.
func TestOrder(t *testing.T) {
	contenders := []Contender{{Turns: 3}, {Turns: 1}, {Turns: 5, Block: true}}
	seen := map[int]bool{}
	for rng := range 50 {
		order := Order(contenders, rand.New(rand.NewPCG(uint64(rng), 1)))
		turns := make([]int, len(contenders))
		for _, next := range order {
			turns[next.Contender] += next.Turns
			if !contenders[next.Contender].Block && next.Turns != 1 {
				t.Errorf("%d turns of %d in one piece", next.Turns, next.Contender)
			}
		}
		if len(order) != 5 || !slices.Equal(turns, []int{3, 1, 5}) {
			t.Fatalf("%v", order)
		}
		seen[order[0].Contender] = true
	}
	if len(seen) != len(contenders) {
		t.Errorf("only %v went first in 50 samples", seen)
	}
}

func TestSample(t *testing.T) {
	takes := func(name string, turn time.Duration, turns int, block bool) Contender {
		return Contender{Name: name, Turns: turns, Block: block, Take: func(n int) (time.Duration, error) {
			return turn * time.Duration(n), nil
		}}
	}
	got, err := Sample([]Contender{takes("a", 20, 4, false), takes("b", 30, 1, false), takes("c", 7, 10, true)}, chance())
	if err != nil || !slices.Equal(got, []float64{20, 30, 7}) {
		t.Errorf("%v, %v", got, err)
	}
	broken := errors.New("broken")
	_, err = Sample([]Contender{{Name: "d", Turns: 1, Take: func(int) (time.Duration, error) { return 0, broken }}}, chance())
	if !errors.Is(err, broken) || err.Error() != "d: broken" {
		t.Error(err)
	}
}

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name    string
		samples []float64
		want    Spread
	}{
		{"one", []float64{5}, Spread{5, 5, 5}},
		{"too few for an interval", []float64{3, 1, 2}, Spread{2, 1, 3}},
		{"all the same", []float64{4, 4, 4, 4, 4, 4, 4, 4}, Spread{4, 4, 4}},
		// The 95 % interval of the median of ten is between the second and the ninth
		// (the sign test: P(at most one of ten below) is 0.011 on each side).
		{"ten in any order", []float64{10, 1, 9, 2, 8, 3, 7, 4, 6, 5}, Spread{5.5, 2, 9}},
		{"one is far out", []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1e9}, Spread{1, 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := slices.Clone(tt.samples)
			if got := Of(tt.samples); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
			if !slices.Equal(before, tt.samples) {
				t.Error("the samples were sorted in place")
			}
		})
	}
}

func TestRatio(t *testing.T) {
	for _, tt := range []struct {
		name     string
		of, over []float64
		want     Spread
	}{
		{"half", []float64{1, 2, 3}, []float64{2, 4, 6}, Spread{0.5, 0.5, 0.5}},
		// A sample that was slow for both tells the same as the others. The ratio of the
		// medians would be 2/4 here, too, but its spread would not.
		{"slow for both", []float64{1, 200, 2}, []float64{2, 400, 4}, Spread{0.5, 0.5, 0.5}},
		{"median of the ratios", []float64{1, 2, 9}, []float64{1, 1, 3}, Spread{2, 1, 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Ratio(tt.of, tt.over); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
