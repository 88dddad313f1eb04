package beside

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Confidence is that of every interval here.
const Confidence = 0.95

// A Spread is the median of samples, and the interval in which the median of all samples
// is at the level of Confidence. Nothing is assumed of their distribution. The interval of too few
// samples (below 6) is the range of them.
type Spread struct{ Median, Low, High float64 }

// Of is the spread of samples, in any order. There must be one.
func Of(samples []float64) Spread {
	sorted := slices.Sorted(slices.Values(samples))
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(sorted, &benchmath.DefaultThresholds), Confidence)
	spread := Spread{s.Center, s.Lo, s.Hi}
	if math.IsInf(spread.Low, 0) || math.IsInf(spread.High, 0) {
		spread.Low, spread.High = sorted[0], sorted[len(sorted)-1]
	}
	return spread
}

// Exactly is the spread of a count.
func Exactly(count float64) Spread { return Spread{count, count, count} }

// Ratio is the spread of the ratios of samples that were taken together.
func Ratio(of, over []float64) Spread {
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = of[i] / over[i]
	}
	return Of(ratios)
}
