//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/autokill/autokill"
)

// TestManyStarts starts from many goroutines at once, and every child gets its own
// streams and says its own word.
func TestManyStarts(t *testing.T) {
	for _, tt := range []struct {
		name       string
		goroutines int
		starts     int
		procs      int
		lock       bool
	}{
		{"two hundred goroutines", 200, 3000, runtime.GOMAXPROCS(0), false},
		{"GOMAXPROCS 1", 50, 1000, 1, false},
		{"goroutines that are locked to their threads", 50, 1000, runtime.GOMAXPROCS(0), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(tt.procs))
			var left atomic.Int64
			left.Store(int64(tt.starts))
			if testing.Short() {
				left.Store(int64(tt.starts / 10))
			}
			var wg sync.WaitGroup
			for range tt.goroutines {
				wg.Go(func() {
					if tt.lock {
						runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
					}
					for n := left.Add(-1); n >= 0; n = left.Add(-1) {
						word := fmt.Sprint(n)
						c := autokill.Command("/bin/cat")
						c.Stdin = strings.NewReader(word)
						if out, err := c.Output(); err != nil || string(out) != word {
							t.Errorf("said %q, %v, want %q", out, err, word)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestStartsWhileTheCollectorRuns: what the vector points into must not move or go.
func TestStartsWhileTheCollectorRuns(t *testing.T) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
			}
		}
	})
	for i := range 100 {
		c := autokill.Command("/bin/sh", "-c", "echo $A $1", "sh", fmt.Sprint(i))
		c.Env = []string{fmt.Sprintf("A=%d", i)}
		if out, err := c.Output(); err != nil || string(out) != fmt.Sprintf("%d %d\n", i, i) {
			t.Errorf("said %q, %v", out, err)
		}
	}
	close(done)
	wg.Wait()
}

// TestOneWaiter: Wait of a Cmd is for one goroutine, that of its Process for many, and
// both may be under way at once.
func TestOneWaiter(t *testing.T) {
	c := autokill.Command("/bin/cat")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if state, err := c.Process.Wait(); err != nil || !state.Success() {
				t.Errorf("%v, %v", state, err)
			}
		})
	}
	stdin.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if c.ProcessState.Pid() != c.Process.Pid {
		t.Errorf("the state is of process %d, want %d", c.ProcessState.Pid(), c.Process.Pid)
	}
}
