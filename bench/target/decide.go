// Package target is what autokill must not cost more than, and whether it does.
package target

import (
	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
)

// A Target is a bound of a value, or of a ratio.
type Target struct {
	What     string // for people
	Result   string // the name of the benchmark or test
	Of, Over string // contenders; without Over it is a value
	Bound    Bound
	Unit     string // of a value
	// Missed is the title of the section of docs/benchmarks.md that says why the target is missed.
	Missed string
}

// A Bound is on one side, and may be reached.
type Bound struct {
	Least bool // the measured must be at least Limit, else at most
	Limit float64
}

func atMost(limit float64) Bound  { return Bound{Limit: limit} }
func atLeast(limit float64) Bound { return Bound{Least: true, Limit: limit} }

// A Verdict is what became of a target.
type Verdict int

// The verdicts. A median on the right side has met the target; if the interval of the median
// is on both sides, that is said.
const (
	Unknown Verdict = iota // not measured
	Met
	MetNarrowly
	MissedNarrowly
	Missed
)

func (v Verdict) String() string {
	return [...]string{"not measured", "met", "met (the interval reaches beyond)", "**missed** (the interval reaches within)", "**missed**"}[v]
}

// Decide says whether the measured is within a bound.
func Decide(b Bound, measured beside.Spread) Verdict {
	worst, best := measured.High, measured.Low
	within := func(v float64) bool { return v <= b.Limit }
	if b.Least {
		worst, best = best, worst
		within = func(v float64) bool { return v >= b.Limit }
	}
	switch {
	case within(worst):
		return Met
	case within(measured.Median):
		return MetNarrowly
	case within(best):
		return MissedNarrowly
	}
	return Missed
}

// Measured is what the results tell of a target.
func (t Target) Measured(results []record.Result) (beside.Spread, bool) {
	result, ok := record.Find(results, t.Result)
	switch {
	case !ok:
		return beside.Spread{}, false
	case t.Over == "":
		return result.Value(t.Of)
	}
	return result.Ratio(t.Of, t.Over)
}

// Verdict is what the results tell of a target.
func (t Target) Verdict(results []record.Result) Verdict {
	measured, ok := t.Measured(results)
	if !ok {
		return Unknown
	}
	return Decide(t.Bound, measured)
}
