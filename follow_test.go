package autokill_test

import (
	"context"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/autokill/autokill"
)

// cats are children that end when their standard input does.
func cats(t *testing.T, n int) (all []*autokill.Cmd, end func()) {
	t.Helper()
	var pipes []io.Closer
	for range n {
		c := autokill.Command("/bin/cat")
		pipe, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = c.Process.Close(), pipe.Close() })
		pipes, all = append(pipes, pipe), append(all, c)
	}
	return all, func() {
		for _, p := range pipes {
			_ = p.Close()
		}
	}
}

// TestChildrenCostNoGoroutine: one goroutine is there for all of them.
func TestChildrenCostNoGoroutine(t *testing.T) {
	first, endFirst := cats(t, 1)
	before := runtime.NumGoroutine()
	rest, end := cats(t, 30)
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d children more have made %d goroutines of %d", len(rest), now, before)
	}
	endFirst()
	end()
	for _, c := range append(first, rest...) {
		<-c.Process.Done()
	}
}

// TestWaitsOfAllKinds: more than can wait on threads of their own, several for each child,
// some of whom give up. Each sees the one end there is.
func TestWaitsOfAllKinds(t *testing.T) {
	children, end := cats(t, 40)
	var begun, waiting sync.WaitGroup
	wait := func(w func()) {
		begun.Add(1)
		waiting.Go(func() {
			begun.Done()
			w()
		})
	}
	for _, c := range children {
		for range 2 {
			wait(func() {
				if state, err := c.Process.Wait(); err != nil || !state.Success() {
					t.Errorf("Wait: %v, %v", state, err)
				}
			})
		}
		wait(func() {
			if state, err := c.Process.WaitContext(t.Context()); err != nil || !state.Success() {
				t.Errorf("WaitContext: %v, %v", state, err)
			}
		})
		wait(func() { <-c.Process.Done() })
	}
	begun.Wait()
	impatient, err := children[0].Process.WaitContext(calledOff(t))
	if err == nil {
		t.Errorf("a wait that was called off has seen %v", impatient)
	}
	end()
	waiting.Wait()
}

// TestCloseEndsAWait: some wait by the time of the Close, others come after it.
func TestCloseEndsAWait(t *testing.T) {
	children, _ := cats(t, 20)
	var waiting sync.WaitGroup
	for _, c := range children {
		waiting.Go(func() {
			if state, err := c.Process.Wait(); err != nil || state.String() != "signal: killed" {
				t.Errorf("Wait: %v, %v", state, err)
			}
		})
	}
	for _, c := range children {
		_ = c.Process.Close()
	}
	waiting.Wait()
}

func calledOff(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
