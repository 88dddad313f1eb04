//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/evidence"
)

// soakEnv says how long TestSoak shall be, as in 1h.
const soakEnv = "AUTOKILL_SOAK"

// workers use the library at the same time.
const workers = 8

// enduring are the subjects that this kernel has.
func enduring(t *testing.T) []string {
	t.Helper()
	names := slices.Sorted(maps.Keys(subjects))
	if err := autokill.Probe()[0].Err; errors.Is(err, errors.ErrUnsupported) {
		names = slices.DeleteFunc(names, func(name string) bool { return subjects[name].Mechanism == autokill.Native })
	}
	return names
}

// lap lets all workers do something until it says that it is enough.
func lap(t *testing.T, work func(worker, n int) (more bool, err error)) {
	t.Helper()
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for n := 0; ; n++ {
				more, err := work(worker, n)
				if err != nil {
					t.Error(err)
				}
				if err != nil || !more {
					return
				}
			}
		})
	}
	all.Wait()
}

// TestEndurance starts and closes at full speed, with all mechanisms and scopes in turn. In
// the end nothing is left of it, here and in the kernel.
func TestEndurance(t *testing.T) {
	starts := 160
	switch {
	case evidence.Wanted():
		starts = 200_000
	case !testing.Short():
		starts = 4000
	}
	names := enduring(t)
	startAndClose := func(count int) {
		lap(t, func(worker, n int) (bool, error) {
			subject := subjects[names[(worker+n)%len(names)]]
			return n+1 < count/workers, closed(subject.Command("/bin/sleep", "1000"))
		})
	}
	startAndClose(starts / 10)
	before := measure(t)
	began := time.Now()
	startAndClose(starts)
	took := time.Since(began)
	rows := flat(t, before, starts)
	rows = append(rows, []string{"starts and closes", "0", strconv.Itoa(starts)}, []string{"a second", "", strconv.Itoa(int(float64(starts) / took.Seconds()))})
	evidence.Table(t, "endurance", []string{"what", "before", "after"}, rows)
}

// closed starts and closes, and sees to it that this was the end.
func closed(c *autokill.Cmd) error {
	if err := c.Start(); err != nil {
		return err
	}
	if err := c.Process.Close(); err != nil {
		return err
	}
	state, err := c.Process.Wait()
	if err != nil {
		return err
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && state.Known() && status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("%v: %v", c, state)
	}
	return nil
}

// TestSoak uses the library in many ways for a time, and looks at what it has ten times. The
// last look is compared with the second.
func TestSoak(t *testing.T) {
	length := time.Second / 2
	switch text := os.Getenv(soakEnv); {
	case text != "":
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	case evidence.Wanted():
		length = 5 * time.Minute
	case !testing.Short():
		length = 5 * time.Second
	}
	names := enduring(t)
	const laps = 10
	var before usage
	uses := 0
	for i := range laps {
		until := time.Now().Add(length / laps)
		counts := make([]int, workers)
		lap(t, func(worker, n int) (bool, error) {
			counts[worker]++
			subject := subjects[names[n%len(names)]]
			use := soaked[(worker+n)%len(soaked)]
			return time.Now().Before(until), use(t.Context(), subject.Command)
		})
		for _, n := range counts {
			uses += n
		}
		if i == 1 {
			before, uses = measure(t), 0
		}
	}
	rows := append(flat(t, before, uses), []string{"uses", "0", strconv.Itoa(uses)})
	evidence.Table(t, "endurance", []string{"in a soak", "before", "after"}, rows)
}

// soaked are ways to use the library.
var soaked = []func(context.Context, func(string, ...string) *autokill.Cmd) error{
	func(_ context.Context, command func(string, ...string) *autokill.Cmd) error {
		return closed(command("/bin/sleep", "1000"))
	},
	func(_ context.Context, command func(string, ...string) *autokill.Cmd) error {
		out, err := command("/bin/echo", "word").Output()
		if err == nil && string(out) != "word\n" {
			err = fmt.Errorf("echo said %q", out)
		}
		return err
	},
	func(_ context.Context, command func(string, ...string) *autokill.Cmd) error {
		if err := command("/nowhere/nothing").Start(); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("a file that is not there: %w", err)
		}
		return nil
	},
	func(ctx context.Context, command func(string, ...string) *autokill.Cmd) error {
		c := command("/bin/sleep", "1000")
		if err := c.Start(); err != nil {
			return err
		}
		_, err := c.Process.Stop(ctx, syscall.SIGTERM)
		return err
	},
	func(_ context.Context, command func(string, ...string) *autokill.Cmd) error { return travels(command) },
}

// travels sends a handle through a socket, and closes both ends of the journey.
func travels(command func(string, ...string) *autokill.Cmd) error {
	c := command("/bin/sleep", "1000")
	if err := c.Start(); err != nil {
		return err
	}
	defer func() {
		_ = c.Process.Close()
		_, _ = c.Process.Wait()
	}()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	// No connection of package net: that brings cgo along, and glibc's threads.
	ours, theirs := os.NewFile(uintptr(pair[0]), "socket"), os.NewFile(uintptr(pair[1]), "socket")
	defer ours.Close()
	defer theirs.Close()
	if err := c.Process.Send(ours); err != nil {
		return err
	}
	second, err := autokill.Receive(theirs)
	if err != nil {
		return err
	}
	defer second.Close()
	if second.Pid != c.Process.Pid {
		return fmt.Errorf("process %d became %d", c.Process.Pid, second.Pid)
	}
	return nil
}
