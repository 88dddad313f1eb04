package record

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/autokill/autokill/bench/beside"
)

// TestSaveLoad: a later run of a part replaces that part.
func TestSaveLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	if none, err := Load(file); len(none) != 0 || err != nil {
		t.Errorf("%v, %v", none, err)
	}
	results := Put(nil, Result{Name: "b", Unit: "ns", Values: []Value{{"one", beside.Exactly(1)}}})
	results = Put(results, Result{Name: "a", Ratios: []Ratio{{"one", "two", beside.Spread{Median: 2, Low: 1, High: 3}}}})
	results = Put(results, Result{Name: "b", Unit: "ns", Values: []Value{{"one", beside.Exactly(4)}}, Curves: []Curve{{"one", []float64{1}, []float64{2}}}})
	if err := Save(file, results); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file)
	want := []Result{results[1], results[0]}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v, want %+v", got, err, want)
	}
	b, _ := Find(got, "b")
	if v, ok := b.Value("one"); !ok || v.Median != 4 {
		t.Errorf("%v, %v", v, ok)
	}
	if v, ok := b.Value("two"); ok {
		t.Errorf("a value that is not there: %v", v)
	}
	a, _ := Find(got, "a")
	if v, ok := a.Ratio("one", "two"); !ok || v.High != 3 {
		t.Errorf("%v, %v", v, ok)
	}
	if v, ok := a.Ratio("two", "one"); ok {
		t.Errorf("the ratio the other way round: %v", v)
	}
}
