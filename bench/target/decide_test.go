package target

import (
	"testing"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
)

func TestDecide(t *testing.T) {
	for _, tt := range []struct {
		name     string
		bound    Bound
		measured beside.Spread
		want     Verdict
	}{
		{"below", atMost(0.95), beside.Spread{Median: 0.9, Low: 0.88, High: 0.94}, Met},
		{"a bound may be reached", atMost(12), beside.Exactly(12), Met},
		{"the interval reaches beyond", atMost(0.95), beside.Spread{Median: 0.9, Low: 0.88, High: 0.96}, MetNarrowly},
		{"the interval reaches within", atMost(0.95), beside.Spread{Median: 0.96, Low: 0.94, High: 0.99}, MissedNarrowly},
		{"above", atMost(0.95), beside.Spread{Median: 0.97, Low: 0.96, High: 0.99}, Missed},
		{"none is none", atMost(0), beside.Exactly(0), Met},
		{"one is not none", atMost(0), beside.Exactly(1), Missed},
		{"at least, above", atLeast(1.2), beside.Spread{Median: 1.3, Low: 1.2, High: 1.4}, Met},
		{"at least, narrowly", atLeast(1.2), beside.Spread{Median: 1.3, Low: 1.1, High: 1.4}, MetNarrowly},
		{"at least, narrowly not", atLeast(1.2), beside.Spread{Median: 1.1, Low: 1, High: 1.25}, MissedNarrowly},
		{"at least, below", atLeast(1.2), beside.Spread{Median: 1.1, Low: 1, High: 1.15}, Missed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Decide(tt.bound, tt.measured); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	results := []record.Result{{
		Name:   "StartWait",
		Values: []record.Value{{Name: "autokill", Spread: beside.Exactly(500)}},
		Ratios: []record.Ratio{{Of: "autokill", Over: "os/exec", Spread: beside.Exactly(0.9)}},
	}}
	for _, tt := range []struct {
		name   string
		target Target
		want   Verdict
	}{
		{"a ratio", Target{Result: "StartWait", Of: "autokill", Over: "os/exec", Bound: atMost(0.95)}, Met},
		{"a value", Target{Result: "StartWait", Of: "autokill", Bound: atMost(499)}, Missed},
		{"a contender that was not there", Target{Result: "StartWait", Of: "autokill", Over: "tini", Bound: atMost(1)}, Unknown},
		{"a benchmark that was not run", Target{Result: "Close", Of: "autokill", Over: "os/exec", Bound: atMost(1)}, Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.target.Verdict(results); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
