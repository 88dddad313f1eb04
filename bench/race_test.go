//go:build linux && (amd64 || arm64)

package bench

import (
	"context"
	"flag"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
	"github.com/autokill/autokill/bench/target"
	"github.com/autokill/autokill/internal/evidence"
)

var recordFile = flag.String("record", "", "put what is seen into this `file`, in the place of what was seen before")

// versus are two contenders whose ratio is of interest.
type versus struct{ of, over string }

// race runs the contenders side by side, so many samples for each iteration of the benchmark
// (-benchtime 30x), and reports the first one as ns/op. Small samples are better than few: what
// disturbs one of them does not disturb the median. Who is nil does not take part.
func race(b *testing.B, samplesEach int, contenders []*beside.Contender, compared ...versus) {
	b.Helper()
	var taking []beside.Contender
	names := map[string]int{}
	for _, c := range contenders {
		if c != nil {
			names[c.Name] = len(taking)
			taking = append(taking, *c)
		}
	}
	samples := make([][]float64, len(taking))
	for b.Loop() {
		addSamples(b, samples, taking, samplesEach)
	}
	result := record.Result{Unit: "ns", Samples: len(samples[0])}
	for i, c := range taking {
		spread := beside.Of(samples[i])
		result.Values = append(result.Values, record.Value{Name: c.Name, Spread: spread})
		unit := "ns/op"
		if i > 0 {
			unit = word(c.Name) + "-ns/op"
		}
		b.ReportMetric(spread.Median, unit)
	}
	for _, v := range compared {
		of, ok := names[v.of]
		over, overOK := names[v.over]
		if !ok || !overOK {
			continue
		}
		spread := beside.Ratio(samples[of], samples[over])
		result.Ratios = append(result.Ratios, record.Ratio{Of: v.of, Over: v.over, Spread: spread})
		b.ReportMetric(spread.Median, word(v.of)+":"+word(v.over))
		b.Logf("%s / %s: %.3f (%.3f to %.3f)", v.of, v.over, spread.Median, spread.Low, spread.High)
	}
	keep(b, result)
}

// addSamples takes so many more of all contenders.
func addSamples(tb testing.TB, samples [][]float64, contenders []beside.Contender, count int) {
	tb.Helper()
	chance := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for range count {
		sample, err := beside.Sample(contenders, chance)
		if err != nil {
			tb.Fatal(err)
		}
		for i, ns := range sample {
			samples[i] = append(samples[i], ns)
		}
	}
}

// word is a name as a part of a unit, which has no spaces.
func word(name string) string { return strings.ReplaceAll(name, " ", "_") }

// against compares the first contender with all others.
func against(contenders []*beside.Contender) (all []versus) {
	for _, c := range contenders[1:] {
		if c != nil {
			all = append(all, versus{contenders[0].Name, c.Name})
		}
	}
	return all
}

// keep writes down what a test has seen, if that is wanted. A count must be within its bound, but
// where docs/benchmarks.md says why it is not. A time need not: the machine may be busy.
func keep(tb testing.TB, r record.Result) {
	tb.Helper()
	r.Name = strings.TrimPrefix(strings.TrimPrefix(tb.Name(), "Benchmark"), "Test")
	if r.Unit != "ns" {
		for _, v := range r.Values {
			tb.Logf("%s: %.10g %s", v.Name, v.Median, r.Unit)
		}
		for _, t := range target.Targets {
			if seen, ok := t.Measured([]record.Result{r}); ok && target.Decide(t.Bound, seen) == target.Missed {
				if t.Missed == "" {
					tb.Errorf("%s: %g, bound %g", t.What, seen.Median, t.Bound.Limit)
				} else {
					tb.Logf("%s: %g, bound %g: see %q in docs/benchmarks.md", t.What, seen.Median, t.Bound.Limit, t.Missed)
				}
			}
		}
	}
	if *recordFile == "" {
		return
	}
	if err := addResult(*recordFile, r); err != nil {
		tb.Fatal(err)
	}
}

// addResult puts a result into a file.
func addResult(file string, r record.Result) (err error) {
	if r.Run, err = thisRun(); err != nil {
		return err
	}
	results, err := record.Load(file)
	if err != nil {
		return err
	}
	return record.Save(file, record.Put(results, r))
}

// thisRun is where and when this is. All results of one process have the same.
var thisRun = sync.OnceValues(func() (record.Run, error) {
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		return record.Run{}, err
	}
	commit, err := evidence.Commit(context.Background())
	if err != nil {
		return record.Run{}, err
	}
	return record.Run{
		Date:       time.Now().Format(time.DateOnly),
		Commit:     commit,
		Kernel:     unix.ByteSliceToString(uname.Release[:]),
		Go:         runtime.Version(),
		Processors: runtime.NumCPU(),
	}, nil
})

// many is a number of the long form, or a small one in the short form, which shows that all
// works and not how fast.
func many(number, short int) int {
	if testing.Short() {
		return short
	}
	return number
}
