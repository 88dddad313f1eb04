//go:build linux && (amd64 || arm64)

package bench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/internal/testproc"
)

// A child was started.
type child struct {
	pid  int
	wait func() error // and reap
	kill func() error // returns at once
}

// end kills and reaps.
func (c child) end() error {
	if err := c.kill(); err != nil {
		return err
	}
	return killed(c.wait())
}

// asleep waits until the program sleeps. After its start it is still busy with itself for a while,
// and so would be its end.
func (c child) asleep() error {
	for deadline := time.Now().Add(testproc.Patience); ; runtime.Gosched() {
		switch stat, err := testproc.ReadProcess(c.pid); {
		case err != nil:
			return err
		case stat.State == "S":
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("process %d does not sleep: %+v", c.pid, stat)
		}
	}
}

// killed is nil for the end that a kill makes.
func killed(err error) error {
	state, ok := errors.AsType[interface {
		error
		Sys() any
	}](err)
	if !ok {
		return fmt.Errorf("a child that was killed: %w", err)
	}
	if status, ok := state.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("a child that was killed: %w", err)
	}
	return nil
}

// A starter starts a program. stdout may be nil.
type starter func(stdout *os.File, argv ...string) (child, error)

// starters are ways to do it, by name. A worker is told the name.
var starters = map[string]starter{
	ours:            byAutokill(autokill.Cmd{}),
	"native":        byAutokill(autokill.Cmd{Mechanism: autokill.Native}),
	"tripwire":      byAutokill(autokill.Cmd{Mechanism: autokill.Tripwire}),
	"tree":          byAutokill(autokill.Cmd{Scope: autokill.ScopeTree}),
	"PID namespace": byAutokill(autokill.Cmd{Scope: autokill.ScopePIDNamespace}),
	plain:           byOsExec(nil),
	pdeathsig:       byOsExec(&syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}),
	bound:           startBound,
	free:            startFree,
}

// The names of those that most benchmarks are about.
const (
	ours      = "autokill"
	plain     = "os/exec"
	pdeathsig = "os/exec with Pdeathsig"
)

func byAutokill(how autokill.Cmd) starter {
	return func(stdout *os.File, argv ...string) (child, error) {
		c := autokill.Command(argv[0], argv[1:]...)
		c.Scope, c.Mechanism = how.Scope, how.Mechanism
		if stdout != nil {
			c.Stdout = stdout
		}
		if err := c.Start(); err != nil {
			return child{}, err
		}
		return child{c.Process.Pid, c.Wait, c.Process.Close}, nil
	}
}

func byOsExec(attr *syscall.SysProcAttr) starter {
	return func(stdout *os.File, argv ...string) (child, error) {
		c := exec.Command(argv[0], argv[1:]...)
		c.SysProcAttr = attr
		if stdout != nil {
			c.Stdout = stdout
		}
		if err := c.Start(); err != nil {
			return child{}, err
		}
		return child{c.Process.Pid, c.Wait, c.Process.Kill}, nil
	}
}

// run starts a program, and waits for its end.
func (s starter) run(argv ...string) error {
	c, err := s(nil, argv...)
	if err != nil {
		return err
	}
	return c.wait()
}

// turns measures what is done so many times.
func turns(do func() error) func(int) (time.Duration, error) {
	return func(n int) (time.Duration, error) {
		began := time.Now()
		for range n {
			if err := do(); err != nil {
				return 0, err
			}
		}
		return time.Since(began), nil
	}
}

// running is a contender that starts a program and waits for its end.
func running(name string, times int, argv ...string) *beside.Contender {
	s := starters[name]
	return &beside.Contender{Name: name, Turns: times, Take: turns(func() error { return s.run(argv...) })}
}

// starting is a contender that starts a program which stays; its end is not measured.
func starting(name string, times int, argv ...string) *beside.Contender {
	s := starters[name]
	return &beside.Contender{Name: name, Turns: times, Take: func(n int) (took time.Duration, _ error) {
		for range n {
			began := time.Now()
			c, err := s(nil, argv...)
			took += time.Since(began)
			if err != nil {
				return 0, err
			}
			if err := c.end(); err != nil {
				return 0, err
			}
		}
		return took, nil
	}}
}

// parallel is a contender that does what running does in 8 goroutines.
func parallel(name string, times int, argv ...string) *beside.Contender {
	const goroutines = 8
	s := starters[name]
	return &beside.Contender{Name: name, Turns: times, Block: true, Take: func(n int) (time.Duration, error) {
		failures := make(chan error, goroutines)
		var all sync.WaitGroup
		began := time.Now()
		for range goroutines {
			all.Go(func() {
				for range n / goroutines {
					if err := s.run(argv...); err != nil {
						failures <- err
						return
					}
				}
			})
		}
		all.Wait()
		took := time.Since(began)
		close(failures)
		return took, <-failures
	}}
}

// ending is a contender that ends a child which sleeps; its start is not measured.
func ending(name string, times int, argv ...string) *beside.Contender {
	s := starters[name]
	return &beside.Contender{Name: name, Turns: times, Take: func(n int) (took time.Duration, _ error) {
		for range n {
			c, err := s(nil, argv...)
			if err == nil {
				err = c.asleep()
			}
			if err != nil {
				return 0, err
			}
			began := time.Now()
			err = c.end()
			took += time.Since(began)
			if err != nil {
				return 0, err
			}
		}
		return took, nil
	}}
}
