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
	count := many(1000, 100)
	var allocations, bytes record.Result
	for _, name := range []string{ours, plain} {
		s := starters[name]
		var before, after runtime.MemStats
		for range 10 { // what is made once
			if err := s.run(truth); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&before)
		for range count {
			if err := s.run(truth); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		per := func(after, before uint64) beside.Spread {
			return beside.Exactly(float64((after - before) / uint64(count))) // as testing.AllocsPerRun rounds
		}
		allocations.Values = append(allocations.Values, record.Value{Name: name, Spread: per(after.Mallocs, before.Mallocs)})
		bytes.Values = append(bytes.Values, record.Value{Name: name, Spread: per(after.TotalAlloc, before.TotalAlloc)})
	}
	allocations.Unit, bytes.Unit = "allocations", "bytes"
	t.Run("Count", func(t *testing.T) { keep(t, allocations) })
	t.Run("Bytes", func(t *testing.T) { keep(t, bytes) })
}
