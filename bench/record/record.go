// Package record keeps what benchmarks saw, for the document that is made of it.
package record

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/autokill/autokill/bench/beside"
)

// A Result is what one benchmark or test saw.
type Result struct {
	Name    string  // of the benchmark or the test
	Unit    string  // of the values
	Samples int     // how many each spread is of
	Values  []Value // of all contenders, in the order of the race
	Ratios  []Ratio // of those that are compared
	Curves  []Curve // how values depend on something
	Run     Run
}

// A Value is what a contender was seen to take, or to have.
type Value struct {
	Name string
	beside.Spread
}

// A Ratio is what one contender takes in relation to another.
type Ratio struct {
	Of, Over string
	beside.Spread
}

// A Curve is the values of a contender by something that is counted.
type Curve struct {
	Name string
	X, Y []float64
}

// A Run is where and when something was seen.
type Run struct {
	Date, Commit, Kernel, Go string
	Processors               int
}

// Value finds what a contender was seen to take.
func (r Result) Value(name string) (beside.Spread, bool) {
	i := slices.IndexFunc(r.Values, func(v Value) bool { return v.Name == name })
	if i < 0 {
		return beside.Spread{}, false
	}
	return r.Values[i].Spread, true
}

// Ratio finds the ratio of two contenders.
func (r Result) Ratio(of, over string) (beside.Spread, bool) {
	i := slices.IndexFunc(r.Ratios, func(v Ratio) bool { return v.Of == of && v.Over == over })
	if i < 0 {
		return beside.Spread{}, false
	}
	return r.Ratios[i].Spread, true
}

// Find is the result of a name.
func Find(results []Result, name string) (Result, bool) {
	i := slices.IndexFunc(results, func(r Result) bool { return r.Name == name })
	if i < 0 {
		return Result{}, false
	}
	return results[i], true
}

// Put puts a result into the place of that with its name, or at the end.
func Put(results []Result, r Result) []Result {
	if i := slices.IndexFunc(results, func(o Result) bool { return o.Name == r.Name }); i >= 0 {
		results[i] = r
		return results
	}
	return append(results, r)
}

// Load reads results. A file that is not there has none.
func Load(file string) ([]Result, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Result
	return all, json.Unmarshal(text, &all)
}

// Save writes results, in the order of their names: files of two runs can be compared.
func Save(file string, results []Result) error {
	sorted := slices.Clone(results)
	slices.SortFunc(sorted, func(a, b Result) int { return strings.Compare(a.Name, b.Name) })
	text, err := json.MarshalIndent(sorted, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
