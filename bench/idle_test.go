//go:build linux && (amd64 || arm64)

package bench

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
	"github.com/autokill/autokill/internal/testproc"
)

// activity is what all threads of a process have done, by thread.
type activity map[string]struct {
	onCPU    uint64 // nanoseconds
	slices   uint64 // how often it was put on a processor
	switches uint64 // how often it was taken from one
}

// activityOf reads /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst) and status.
// A thread that was not put on a processor has made no system call and was not woken.
func activityOf(tb testing.TB, pid int) activity {
	tb.Helper()
	all := activity{}
	dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(dirs) == 0 {
		tb.Fatalf("no threads of %d: %v", pid, err)
	}
	for _, dir := range dirs {
		var waited uint64
		a := all[dir]
		schedstat, err := os.ReadFile(filepath.Join(dir, "schedstat"))
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := fmt.Sscan(string(schedstat), &a.onCPU, &waited, &a.slices); err != nil {
			tb.Fatalf("%q: %v", schedstat, err)
		}
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.Lines(string(status)) {
			if _, number, ok := strings.Cut(line, "ctxt_switches:"); ok {
				var n uint64
				if _, err := fmt.Sscan(number, &n); err != nil {
					tb.Fatalf("%q: %v", line, err)
				}
				a.switches += n
			}
		}
		all[dir] = a
	}
	return all
}

// settled waits until a process has done nothing for two seconds. Go's runtime has something to do
// a second after the work (it looks whether the number of processors has changed, and gives memory
// back), and then no more.
func settled(tb testing.TB, pid int) {
	tb.Helper()
	for deadline := time.Now().Add(testproc.Patience); ; {
		before := activityOf(tb, pid)
		time.Sleep(2 * time.Second)
		if maps.Equal(before, activityOf(tb, pid)) {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("process %d does not come to rest", pid)
		}
	}
}

// TestIdle counts what the holder of 1,000 children does while they run, which is nothing.
func TestIdle(t *testing.T) {
	w := hire(t)
	w.do(t, order{Verb: "start", Starter: ours, Argv: sleeper(t), Count: many(1000, 50)})
	w.do(t, order{Verb: "settle"})
	settled(t, w.pid)
	before := activityOf(t, w.pid)
	time.Sleep(time.Duration(many(10, 1)) * time.Second)
	after := activityOf(t, w.pid)
	w.do(t, order{Verb: "close"})
	var onCPU, wakeups, switches uint64
	for _, thread := range slices.Sorted(maps.Keys(after)) {
		onCPU += after[thread].onCPU - before[thread].onCPU
		wakeups += after[thread].slices - before[thread].slices
		switches += after[thread].switches - before[thread].switches
	}
	t.Logf("%d threads and then %d: on a processor %d times for %d ns, %d switches", len(before), len(after), wakeups, onCPU, switches)
	keep(t, record.Result{Unit: "times on a processor", Values: []record.Value{{Name: ours, Spread: beside.Exactly(float64(wakeups))}}})
}
