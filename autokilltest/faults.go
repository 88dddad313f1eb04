//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/fault"
	"github.com/autokill/autokill/internal/testproc"
)

// everySystemCallFails runs each operation once to learn its calls, and then once for each
// call and each errno that it can have.
func everySystemCallFails(t *testing.T, s suite) {
	deadline := time.Now().Add(s.budget(800*time.Millisecond, 4*time.Second))
	f := &faults{suite: s}
	defer f.publish(t)
	var all []failure
	operations := append(s.operations(), inherited)
	for _, name := range append(operations[:1:1], testproc.Part(operations[1:])...) {
		all = append(all, f.failures(t, name)...)
	}
	all = append(all, f.variants(t)...)
	f.total = len(all)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slices.SortStableFunc(all, func(a, b failure) int { return b.priority() - a.priority() })
	for _, one := range all {
		if f.reached >= 12 && time.Now().After(deadline) {
			break
		}
		f.fail(t, one)
	}
	f.end(t)
	if f.reached < 12 {
		t.Errorf("only %d calls have failed", f.reached)
	}
}

// operations are those that mean something of its own for the subject.
func (s suite) operations() []string {
	names := []string{"Start", "Close", "Send", "Receive", "FromFile", "HandOver", "Exec"}
	if attach := s.attach(); attach != "" {
		names = append(names, attach)
	}
	return names
}

// attach is the operation that binds who runs already as the subject binds children.
func (s suite) attach() string {
	switch {
	case s.Mechanism != autokill.Tripwire:
	case s.Scope == autokill.ScopeProcess:
		return "Attach"
	case s.Scope == autokill.ScopeTree:
		return "AttachGroup"
	}
	return ""
}

// some are all, and in the short form so many of them, by chance.
func some[T any](all []T, n int) []T {
	if !testing.Short() || evidence.Wanted() || len(all) <= n {
		return all
	}
	all = slices.Clone(all)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

// budget is how long a test may go on: for the document, until it has tried all, which can take an
// hour; in a machine that is emulated, by chance as many as are tried in one minute of
// what any host can try.
func (s suite) budget(short, long time.Duration) time.Duration {
	switch {
	case evidence.Wanted() && testproc.InMatrix() && s.Mechanism != autokill.Native:
		return time.Minute
	case evidence.Wanted():
		return time.Hour
	case testing.Short():
		return short
	}
	return long
}

// faults are what was tried. One program is told to do one thing after the other: what an
// operation leaves behind is to be nothing.
type faults struct {
	suite
	program *supervised
	began   time.Time

	total, tried, reached int
	results               []result
}

type result struct {
	failure
	refused bool
}

// warm is a program in which a proof is younger than it may become, and this operation was
// done once.
func (f *faults) warm(t *testing.T, operation string) *supervised {
	t.Helper()
	if f.program != nil && time.Since(f.began) > 20*time.Second {
		f.end(t)
	}
	if f.program == nil {
		f.program, f.began = f.supervise(t, nil), time.Now()
	}
	if _, variant := variants[operation]; variant {
		operation = "Start" // after which a variant proves nothing
	}
	if !f.program.done[operation] {
		f.program.well(t, operation)
	}
	return f.program
}

func (f *faults) end(t *testing.T) {
	t.Helper()
	if f.program != nil {
		f.program.end(t)
		f.program = nil
	}
}

// failures are all for an operation: of the first one in a program, which also proves that
// the mechanism kills, and of a later one.
func (f *faults) failures(t *testing.T, operation string) []failure {
	t.Helper()
	var all []failure
	if operation == "Start" || operation == inherited || strings.HasPrefix(operation, "Attach") && !testing.Short() {
		p := f.supervise(t, nil)
		p.well(t, operation)
		every := f.each(failure{operation: operation, first: true}, p.Trace())
		all = testproc.Part(some(every, 4)) // each takes a program of its own
		for _, one := range every {
			if one.priority() > 0 && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
		p.end(t)
	}
	if operation == inherited {
		return all // each is the first in its program
	}
	p := f.warm(t, operation)
	p.well(t, operation)
	return append(all, f.each(failure{operation: operation}, p.Trace())...)
}

func (f *faults) each(one failure, sites []fault.Site) (all []failure) {
	for _, one.site = range telling(sites) {
		if one.site.Process == 0 && one.site.Call == fault.Restore {
			// Who was allowed to block signals may unblock them, but for a filter that comes
			// between the two. Then nothing can give the thread its mask back.
			continue
		}
		for _, one.errno = range fault.Errnos(one.site.Call) {
			all = append(all, one)
		}
	}
	return all
}

// variants are the failures of what starts of other kinds do beyond a plain one. What the
// subject refuses has none.
func (f *faults) variants(t *testing.T) (all []failure) {
	t.Helper()
	p := f.warm(t, "Start")
	p.well(t, "Start")
	plain := p.Trace()
	var refused []string
	for _, name := range testproc.Part(some(slices.Sorted(maps.Keys(variants)), 3)) {
		one := failure{operation: name}
		if name == withoutClone3 {
			one.without = "clone3"
		}
		p.Watch(one.deny)
		o, ok := p.do(t, order{Operation: name})
		if !ok || o.Broken != "" || len(o.Left) > 0 {
			t.Fatalf("%s, with no fault: %+v", name, o)
		}
		if o.Err != "" {
			refused = append(refused, fmt.Sprintf("%s (%s)", name, o.Err))
			continue
		}
		p.done[name] = true
		added := slices.DeleteFunc(p.Trace(), func(site fault.Site) bool { return slices.Contains(plain, site) })
		all = append(all, f.each(one, added)...)
	}
	if len(refused) > 0 {
		t.Logf("without %s", strings.Join(refused, "; "))
	}
	return all
}

// well has the program do an operation without a fault.
func (p *supervised) well(t *testing.T, operation string) {
	t.Helper()
	p.Watch(fault.Pass)
	o, ok := p.do(t, order{Operation: operation})
	if !ok || o.Err != "" || o.Broken != "" || len(o.Left) > 0 {
		t.Fatalf("%s, with no fault: %+v", operation, o)
	}
	p.done[operation] = true
}

// fail carries out one of them.
func (f *faults) fail(t *testing.T, one failure) {
	t.Helper()
	f.tried++
	var p *supervised
	if one.first {
		p = f.supervise(t, nil)
		defer p.end(t)
	} else {
		p = f.warm(t, one.operation)
	}
	struck := false
	p.Watch(func(site fault.Site) syscall.Errno {
		if site == one.site || struck && fault.Denied(one.site.Call, site.Call) && slices.Contains(fault.Denials, one.errno) {
			struck = true
			return one.errno
		}
		return one.deny(site)
	})
	o, ok := p.do(t, order{Operation: one.operation, Errno: one.errno})
	p.Watch(fault.Pass)
	if !struck {
		return // this time it took another way
	}
	f.reached++
	f.results = append(f.results, result{one, o.Err != ""})
	switch {
	case !ok:
		t.Errorf("%v: the program has ended, or hangs", one)
		f.program = nil
	case o.Broken != "":
		t.Errorf("%v: %s (the operation: %q)", one, o.Broken, o.Err)
	case len(o.Left) > 0:
		t.Errorf("%v: left behind: %q (the operation: %q)", one, o.Left, o.Err)
		f.program = nil
	case o.Err == "" && one.needed():
		t.Errorf("%v: the start goes on without", one)
	case o.Err != "" && !o.Named:
		t.Errorf("%v: the error does not name the cause: %q", one, o.Err)
	case errors.Is(one.errno, unix.ENOSYS) && o.Carries && !strings.Contains(o.Err, "filter denies"):
		t.Errorf("%v: every kernel has this call, so a filter denies it, but: %q", one, o.Err)
	}
}

// publish is a row for each call. An errno can be in both lists, where one operation needs
// the call and another does not.
func (f *faults) publish(t *testing.T) {
	t.Helper()
	t.Logf("%d of %d failures tried, %d have struck", f.tried, f.total, f.reached)
	type row struct {
		times         int
		refused, goes []string
	}
	rows := map[string]*row{}
	for _, r := range f.results {
		of := rows[r.site.Call]
		if of == nil {
			of = new(row)
			rows[r.site.Call] = of
		}
		of.times++
		if r.refused {
			of.refused = append(of.refused, unix.ErrnoName(r.errno))
		} else {
			of.goes = append(of.goes, unix.ErrnoName(r.errno))
		}
	}
	set := func(names []string) string {
		slices.Sort(names)
		return strings.Join(slices.Compact(names), " ")
	}
	var cells [][]string
	for _, call := range slices.Sorted(maps.Keys(rows)) {
		of := rows[call]
		cells = append(cells, []string{f.name, call, strconv.Itoa(of.times), set(of.refused), set(of.goes)})
	}
	cells = append(cells, []string{f.name, "all", fmt.Sprintf("%d of %d", f.reached, f.total), "", ""})
	evidence.Table(t, "faults injected", []string{"subject", "call", "failures", "named error", "goes on, bound"}, cells)
}
