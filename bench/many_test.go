//go:build linux && (amd64 || arm64)

package bench

import (
	"os"
	"testing"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
)

// descriptors is what the holder of a child has open for it at most.
const descriptors = 2

// spare are descriptors that a holder has for itself.
const spare = 100

// TestTenThousand has 10,000 living children under one holder, or as many as RLIMIT_NOFILE allows: what
// the last start takes in relation to the first, what a child costs the holder and the kernel,
// and what it takes to close all. Descriptors in flight are counted, too (unix(7)), but not for root.
func TestTenThousand(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, who may have so many descriptors in flight")
	}
	count := many(10_000, 100)
	allowed := hire(t).do(t, order{Verb: "allow descriptors", Count: descriptors*count + spare}).Number
	if most := (int(allowed) - spare) / descriptors; most < count {
		t.Logf("RLIMIT_NOFILE is %d and cannot be raised to %d: %d children", allowed, descriptors*count+spare, most)
		count = most
	}
	argv := sleeper(t)
	seen := map[string]*crowd{}
	for _, name := range []string{plain, ours, bound, free} {
		seen[name] = haveCrowd(t, name, argv, count)
	}
	if testing.Short() {
		return // so few tell nothing of each
	}
	our, other := seen[ours], seen[plain]
	of := func(unit string, value func(*crowd) float64) record.Result {
		return record.Result{Unit: unit, Values: []record.Value{
			{Name: ours, Spread: beside.Exactly(value(our))}, {Name: plain, Spread: beside.Exactly(value(other))},
		}}
	}
	each := float64(count)
	for name, result := range map[string]record.Result{
		"Descriptors": of("descriptors of the holder for each child", func(c *crowd) float64 { return float64(c.descriptors) / each }),
		"Memory":      of("bytes of the holder for each child", func(c *crowd) float64 { return float64(c.memory) / each }),
		// What a child itself needs, both have. Beside os/exec the difference would tell of another
		// thing: its child copies the holder's descriptor table, and keeps one of that size.
		"Slab": {Unit: "bytes of slab for each child", Values: []record.Value{
			{Name: bound, Spread: beside.Exactly(float64(seen[bound].slab) / each)},
			{Name: free, Spread: beside.Exactly(float64(seen[free].slab) / each)},
			{Name: "the bond", Spread: beside.Exactly(float64(seen[bound].slab-seen[free].slab) / each)},
			{Name: plain, Spread: beside.Exactly(float64(other.slab) / each)},
		}},
		"Start":      our.starts(ours, count),
		"StartOther": other.starts(plain, count),
		"Close": {Unit: "ns", Values: []record.Value{
			{Name: "all", Spread: beside.Exactly(our.closeAll)},
			{Name: "a tenth", Spread: beside.Of(our.closeTenth)},
			{Name: plain + ", all", Spread: beside.Exactly(other.closeAll)},
		}, Ratios: []record.Ratio{
			{Of: "all", Over: "a tenth", Spread: our.closing()},
			{Of: plain + ", all", Over: plain + ", a tenth", Spread: other.closing()},
		}},
	} {
		t.Run(name, func(t *testing.T) { keep(t, result) })
	}
}

// A crowd is what was seen of many children under one holder.
type crowd struct {
	ns                        []float64 // of each start
	descriptors, memory, slab int64
	closeAll                  float64   // nanoseconds
	closeTenth                []float64 // of a tenth of them
}

func haveCrowd(t *testing.T, name string, argv []string, count int) *crowd {
	t.Helper()
	c := new(crowd)
	holder := hire(t)
	defer holder.dismiss()
	holder.do(t, order{Verb: "allow descriptors", Count: descriptors*count + spare})
	start := func(n int) []int64 {
		return holder.do(t, order{Verb: "start", Starter: name, Argv: argv, Count: n}).NS
	}
	tenth := func() {
		start(count / 10)
		c.closeTenth = append(c.closeTenth, float64(holder.do(t, order{Verb: "close"}).NS[0]))
	}
	for range 3 {
		tenth()
	}
	holder.do(t, order{Verb: "settle"})
	c.descriptors, c.memory, c.slab = -number(t, holder, "count descriptors"), -statusKB(t, holder.pid, "RssAnon"), -slab(t)
	for _, ns := range start(count) {
		c.ns = append(c.ns, float64(ns))
	}
	holder.do(t, order{Verb: "settle"})
	c.descriptors += number(t, holder, "count descriptors")
	c.memory += statusKB(t, holder.pid, "RssAnon")
	c.slab += slab(t)
	c.closeAll = float64(holder.do(t, order{Verb: "close"}).NS[0])
	for range 3 {
		tenth()
	}
	return c
}

func number(t *testing.T, w *worker, verb string) int64 {
	t.Helper()
	return w.do(t, order{Verb: verb}).Number
}

// slab is the memory that the kernel has in objects (proc(5), meminfo), in bytes.
func slab(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	return inKB(t, string(text), "Slab")
}

// starts compares the last twentieth of all starts with the first.
func (c *crowd) starts(name string, count int) record.Result {
	part := max(1, count/20)
	first, last := c.ns[:part], c.ns[count-part:]
	curve := record.Curve{Name: name}
	for i := 0; i+part <= count; i += part {
		curve.X = append(curve.X, float64(i+part/2))
		curve.Y = append(curve.Y, beside.Of(c.ns[i:i+part]).Median)
	}
	return record.Result{
		Unit: "ns", Samples: part,
		Values: []record.Value{{Name: "first", Spread: beside.Of(first)}, {Name: "last", Spread: beside.Of(last)}},
		Ratios: []record.Ratio{{Of: "last", Over: "first", Spread: beside.Ratio(last, first)}},
		Curves: []record.Curve{curve},
	}
}

// closing is what closing all takes in relation to a tenth of them.
func (c *crowd) closing() beside.Spread {
	all := make([]float64, len(c.closeTenth))
	for i := range all {
		all[i] = c.closeAll
	}
	return beside.Ratio(all, c.closeTenth)
}

// TestPipes starts children as an ordinary user until a limit is reached, or 10,000. A new
// pipe that another program of this user makes then is as large as ever: what the kernel counts for
// pipes of a user (pipe(7), pipe-user-pages-soft) is not used up.
func TestPipes(t *testing.T) {
	argv := sleeper(t)
	holder, other := hire(t), hire(t)
	allowed := holder.do(t, order{Verb: "allow descriptors", Count: 7*10_000 + spare}).Number
	for _, w := range []*worker{holder, other} {
		w.do(t, order{Verb: "become ordinary"})
	}
	children := 0
	var end error
	for step := many(200, 20); children < many(10_000, 100) && end == nil; {
		var a answer
		a, end = holder.try(order{Verb: "start", Starter: ours, Argv: argv, Count: step})
		children += len(a.NS)
	}
	size := number(t, other, "pipe")
	holder.do(t, order{Verb: "close"})
	t.Logf("with RLIMIT_NOFILE %d an ordinary user has %d children: %v", allowed, children, end)
	limits := record.Result{Unit: "children", Values: []record.Value{
		{Name: ours, Spread: beside.Exactly(float64(children))},
		{Name: "RLIMIT_NOFILE", Spread: beside.Exactly(float64(allowed))},
	}}
	if end != nil {
		limits.Ratios = []record.Ratio{{Of: "RLIMIT_NOFILE", Over: "children", Spread: beside.Exactly(float64(allowed) / float64(children))}}
	}
	for name, r := range map[string]record.Result{
		"Size":     {Unit: "bytes in a new pipe", Values: []record.Value{{Name: ours, Spread: beside.Exactly(float64(size))}}},
		"Children": limits,
	} {
		t.Run(name, func(t *testing.T) { keep(t, r) })
	}
}
