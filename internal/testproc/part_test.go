package testproc

import (
	"slices"
	"testing"
)

func TestPortion(t *testing.T) {
	for length := range 12 {
		var all []int
		for n := range length {
			all = append(all, n)
		}
		for of := 2; of <= 24; of++ {
			for seed := range uint64(10) {
				var seen []int
				for which := range of {
					part := portion(all, of, seed, which)
					if !slices.IsSorted(part) || len(part) != (length+of-1)/of {
						t.Errorf("part %d of %d of %v: %v", which, of, all, part)
					}
					seen = append(seen, part...)
				}
				slices.Sort(seen)
				if got := slices.Compact(seen); !slices.Equal(got, all) {
					t.Errorf("all %d parts of %v are %v", of, all, got)
				}
			}
		}
	}
}
