//go:build linux && (amd64 || arm64)

package bench

import (
	"runtime"
	"testing"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
	"github.com/ysmood/leakless"
)

const truth = "/bin/true"

// BenchmarkStartWait starts /bin/true and waits for its end.
func BenchmarkStartWait(b *testing.B) {
	times := many(4, 1)
	contenders := []*beside.Contender{
		running(ours, times, truth),
		running(plain, times, truth),
		running(pdeathsig, times, truth),
		{Name: "leakless", Turns: 1, Take: turns(runLeakless)},
		floor(b, "C floor", times, truth),
		floorWith(b, []string{"--bond"}, "C floor with the bond", times, truth),
	}
	race(b, many(10, 1), contenders, append(against(contenders), versus{"C floor with the bond", "C floor"})...)
}

// runLeakless runs /bin/true as the README of leakless says.
func runLeakless() error {
	launcher := leakless.New()
	cmd := launcher.Command(truth)
	if err := cmd.Start(); err != nil {
		return err
	}
	<-launcher.Pid() // or a goroutine of its waits for ever
	return cmd.Wait()
}

// BenchmarkStart starts a program that stays.
func BenchmarkStart(b *testing.B) {
	times := many(4, 1)
	argv := sleeper(b)
	var contenders []*beside.Contender
	for _, name := range []string{ours, plain, pdeathsig, bound, free} {
		contenders = append(contenders, starting(name, times, argv...))
	}
	race(b, many(10, 1), contenders, versus{ours, plain}, versus{ours, pdeathsig}, versus{bound, free})
}

// BenchmarkParallel starts /bin/true and waits, in 8 goroutines.
func BenchmarkParallel(b *testing.B) {
	var contenders []*beside.Contender
	for _, name := range []string{ours, plain, pdeathsig} {
		contenders = append(contenders, parallel(name, many(64, 8), truth))
	}
	// Throughput is the other way round.
	race(b, many(5, 1), contenders, versus{plain, ours}, versus{pdeathsig, ours})
}

// BenchmarkClose ends a child that sleeps: Close until Done, and Kill until Wait has
// returned.
func BenchmarkClose(b *testing.B) {
	argv := sleeper(b)
	contenders := []*beside.Contender{ending(ours, many(4, 1), argv...), ending(plain, many(4, 1), argv...)}
	race(b, many(10, 1), contenders, against(contenders)...)
}

// TestAllocations counts what a start and wait allocates, on the heap of the whole program.
func TestAllocations(t *testing.T) {
	const batches = 5 // what the runtime allocates in one of them, such as a thread, is no start's
	count := many(200, 50)
	var allocations, bytes record.Result
	for _, name := range []string{ours, plain} {
		var mallocs, total []float64
		for range batches {
			m, b, err := allocated(starters[name], count)
			if err != nil {
				t.Fatal(err)
			}
			mallocs, total = append(mallocs, m), append(total, b)
		}
		median := func(all []float64) beside.Spread { return beside.Exactly(beside.Of(all).Median) }
		allocations.Values = append(allocations.Values, record.Value{Name: name, Spread: median(mallocs)})
		bytes.Values = append(bytes.Values, record.Value{Name: name, Spread: median(total)})
	}
	allocations.Unit, bytes.Unit = "allocations", "bytes"
	t.Run("Count", func(t *testing.T) { keep(t, allocations) })
	t.Run("Bytes", func(t *testing.T) { keep(t, bytes) })
}

// allocated is what each of so many starts and waits does on Go's heap, rounded as
// testing.AllocsPerRun does.
func allocated(s starter, count int) (mallocs, bytes float64, err error) {
	var before, after runtime.MemStats
	for range 10 { // what is made once
		if err := s.run(truth); err != nil {
			return 0, 0, err
		}
	}
	runtime.ReadMemStats(&before)
	for range count {
		if err := s.run(truth); err != nil {
			return 0, 0, err
		}
	}
	runtime.ReadMemStats(&after)
	each := func(after, before uint64) float64 { return float64((after - before) / uint64(count)) }
	return each(after.Mallocs, before.Mallocs), each(after.TotalAlloc, before.TotalAlloc), nil
}
