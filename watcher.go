package autokill

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// watcher waits for the end of a Cmd's context until Wait has seen the end of the
// child.
type watcher struct {
	waited chan struct{}
	result chan interruption // one
}

// interruption is what the end of the context has come to. Zero means that the
// child ended first.
type interruption struct {
	err error
	// deadline is when WaitDelay is over, where that is still to come.
	deadline <-chan time.Time
}

// watch starts a watcher if there is something to do at the end of the context.
func (c *Cmd) watch() {
	if c.ctx == nil || c.ctx.Done() == nil || c.Cancel == nil && c.WaitDelay == 0 {
		return
	}
	w := &watcher{make(chan struct{}), make(chan interruption, 1)}
	c.watcher = w
	go func() { w.result <- c.interrupt(w.waited) }()
}

// stop says that the child has ended, and returns what happened before.
func (w *watcher) stop() interruption {
	if w == nil {
		return interruption{}
	}
	close(w.waited)
	return <-w.result
}

func (c *Cmd) interrupt(waited <-chan struct{}) interruption {
	select {
	case <-waited:
		return interruption{}
	case <-c.ctx.Done():
	}
	err := c.cancel()
	if c.WaitDelay == 0 {
		return interruption{err: err}
	}
	over := time.After(c.WaitDelay)
	select {
	case <-waited:
		return interruption{err, over}
	case <-over:
	}
	// The kill comes before the pipes are closed: the child is to die of the one and
	// not of the other.
	if killErr := c.Process.Kill(); killErr != nil && !errors.Is(killErr, os.ErrProcessDone) {
		err = fmt.Errorf("autokill: killing the command: %w", killErr)
	}
	past := make(chan time.Time)
	close(past)
	_ = c.streams.drain(past) // Wait asks again
	return interruption{err: err}
}

// cancel calls Cancel. Where that has interrupted the child, whatever it does from
// now on may be due to the context, also an exit with status 0.
func (c *Cmd) cancel() error {
	if c.Cancel == nil {
		return nil
	}
	switch err := c.Cancel(); {
	case err == nil:
		return c.ctx.Err()
	case errors.Is(err, os.ErrProcessDone):
		return nil // it was over already
	default:
		return fmt.Errorf("autokill: canceling the command: %w", err)
	}
}
