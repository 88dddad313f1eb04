//go:build linux && (amd64 || arm64)

package moveover

import (
	"fmt"
	"slices"
	"testing"
)

// report compares two runs: what differs must be in the table of differences, and what
// is there must differ.
func report(t *testing.T, program string, before, after run) {
	t.Helper()
	expected := map[difference]bool{}
	for _, d := range differences[program] {
		expected[d.difference] = true
	}
	for _, d := range compare(before.results, after.results) {
		if expected[d] {
			delete(expected, d)
			continue
		}
		t.Errorf("%v: with os/exec %q, with autokill %q\n%s\n%s", d.test, d.before, d.after, after.output[d.test], after.output[test{d.pkg, ""}])
	}
	for d := range expected {
		// One that ends in time by chance, and not each time, is there still.
		if slices.Contains(after.unsteady, d.test) {
			continue
		}
		t.Errorf("%v is in the table of differences, and there is none", d.test)
	}
	for _, r := range []struct {
		with string
		run
	}{{"os/exec", before}, {"autokill", after}} {
		t.Logf("%s with %s: %s", program, r.with, counts(r.results))
		for _, unsteady := range r.unsteady {
			if unsteady.name != "" {
				t.Logf("%v with %s: failed, and passed when run again", unsteady, r.with)
			}
		}
	}
}

func counts(results map[test]outcome) string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", count(results, pass), count(results, fail), count(results, skip))
}
