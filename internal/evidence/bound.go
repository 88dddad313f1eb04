package evidence

import (
	"fmt"
	"math"
)

// Bound is what a number of tries tells of a rate, at 95 %: if none was seen it is below
// 3/tries (the rule of three), else it is within Wilson's interval.
func Bound(seen, tries int) string {
	if tries == 0 {
		return "unknown"
	}
	n := float64(tries)
	if seen == 0 {
		return "below " + percent(3/n)
	}
	const z = 1.96 // of 95 %
	p := float64(seen) / n
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	return fmt.Sprintf("%s (%s to %s)", percent(p), percent((middle-half)/scale), percent((middle+half)/scale))
}

func percent(rate float64) string {
	if rate >= 0.1 {
		return fmt.Sprintf("%.0f %%", 100*min(rate, 1))
	}
	return fmt.Sprintf("%.2g %%", 100*rate)
}
