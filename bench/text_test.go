//go:build linux && (amd64 || arm64)

package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
)

// TestWrittenAndRun writes a program and runs it at once, while other goroutines start
// others: a child of theirs that had the file open for a moment would make ETXTBSY of it
// (golang/go#22315).
func TestWrittenAndRun(t *testing.T) {
	count := many(3000, 60)
	program, err := os.ReadFile(truth)
	if err != nil {
		t.Fatal(err)
	}
	result := record.Result{Unit: "times ETXTBSY"}
	for _, name := range []string{ours, plain} {
		busy := writtenAndRun(t, starters[name], program, count)
		result.Values = append(result.Values, record.Value{Name: name, Spread: beside.Exactly(float64(busy))})
	}
	keep(t, result)
}

func writtenAndRun(t *testing.T, start starter, program []byte, count int) (busy int) {
	t.Helper()
	dir := t.TempDir()
	var stop atomic.Bool
	var all sync.WaitGroup
	defer all.Wait()
	defer stop.Store(true)
	for range 4 {
		all.Go(func() {
			for !stop.Load() {
				if err := start.run(truth); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range count {
		file := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(file, program, 0o755); err != nil {
			t.Fatal(err)
		}
		switch err := start.run(file); {
		case errors.Is(err, syscall.ETXTBSY):
			busy++
		case err != nil:
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	return busy
}
