package moveover

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
)

// test is one test of a package; an empty name is the package as a whole.
type test struct{ pkg, name string }

func (t test) String() string { return strings.TrimSuffix(t.pkg+" "+t.name, " ") }

// outcome is how a test ended, as go test -json says it. Empty is a test that was not run.
type outcome string

const (
	pass outcome = "pass"
	fail outcome = "fail"
	skip outcome = "skip"
)

// difference is a test that did not end as with os/exec.
type difference struct {
	test
	before, after outcome
}

// compare returns what differs. A test and a package that contain something that
// differs are left out.
func compare(before, after map[test]outcome) []difference {
	var all []difference
	for t, outcome := range before {
		if after[t] != outcome {
			all = append(all, difference{t, outcome, after[t]})
		}
	}
	for t, outcome := range after {
		if _, ok := before[t]; !ok {
			all = append(all, difference{t, "", outcome})
		}
	}
	slices.SortFunc(all, func(a, b difference) int {
		return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.name, b.name))
	})
	return slices.DeleteFunc(slices.Clone(all), func(d difference) bool {
		return slices.ContainsFunc(all, func(inner difference) bool { return contains(d.test, inner.test) })
	})
}

func contains(outer, inner test) bool {
	if outer.pkg != inner.pkg || outer == inner {
		return false
	}
	return outer.name == "" || strings.HasPrefix(inner.name, outer.name+"/")
}

// count is how many tests, subtests among them, ended so.
func count(results map[test]outcome, want outcome) (n int) {
	for t := range maps.Keys(results) {
		if t.name != "" && results[t] == want {
			n++
		}
	}
	return n
}

func TestCompare(t *testing.T) {
	p, a, a1, ab, q := test{"p", ""}, test{"p", "A"}, test{"p", "A/1"}, test{"p", "AB"}, test{"q", ""}
	for _, test := range []struct {
		name          string
		before, after map[test]outcome
		want          []difference
	}{
		{"nothing", map[test]outcome{p: pass, a: fail}, map[test]outcome{p: pass, a: fail}, nil},
		{"the innermost", map[test]outcome{p: pass, a: pass, a1: pass}, map[test]outcome{p: fail, a: fail, a1: fail}, []difference{{a1, pass, fail}}},
		{"the package itself", map[test]outcome{p: pass, a: pass}, map[test]outcome{p: fail, a: pass}, []difference{{p, pass, fail}}},
		{"another package", map[test]outcome{p: pass, q: pass}, map[test]outcome{p: fail, q: fail}, []difference{{p, pass, fail}, {q, pass, fail}}},
		{"a longer name is no subtest", map[test]outcome{a: pass, ab: pass}, map[test]outcome{a: fail, ab: fail}, []difference{{a, pass, fail}, {ab, pass, fail}}},
		{"run before only", map[test]outcome{p: pass, a: pass}, map[test]outcome{p: pass}, []difference{{a, pass, ""}}},
		{"run after only", map[test]outcome{p: pass}, map[test]outcome{p: pass, a: skip}, []difference{{a, "", skip}}},
		{"a skip is no pass", map[test]outcome{a: pass}, map[test]outcome{a: skip}, []difference{{a, pass, skip}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := compare(test.before, test.after); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
