//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
)

// operations are what a watched program can be told to do.
var operations = map[string]func(Subject) (play, error){
	"Start":    startPlay(nil),
	"Close":    closePlay,
	"Send":     sendPlay,
	"Receive":  receivePlay,
	"FromFile": fromFilePlay,
	"HandOver": handOverPlay,
	"Exec":     execPlay,
	"Attach":   attachPlay(autokill.Attach),

	"AttachGroup": attachPlay(autokill.AttachGroup),
	lateBinding:   lateBindingPlay,

	// With another program at the other end.
	"Send to another":       sendAway,
	"Receive from another":  receiveFromAway,
	"HandOver to another":   handOverAway,
	"TakeOver from another": takeOverAway,
}

// lateBinding is what a start must not be.
const lateBinding = "os/exec, then Attach"

func lateBindingPlay(s Subject) (play, error) {
	var p *autokill.Process
	return play{
		act:    func() (err error) { p, err = startAndAttach(s.Command("sleep", "1000")); return err },
		settle: func(error) error { return bound(p) },
	}, nil
}

// startPlay starts a command that was changed.
func startPlay(change func(*autokill.Cmd) (free func(), err error)) func(Subject) (play, error) {
	return func(s Subject) (play, error) {
		c := s.Command("sleep", "1000")
		free := func() {}
		if change != nil {
			var err error
			if free, err = change(c); err != nil {
				return play{}, err
			}
		}
		return play{
			act: c.Start,
			settle: func(err error) error {
				defer free()
				if err != nil {
					return nil
				}
				if c.SysProcAttr != nil && c.SysProcAttr.Ptrace {
					if err := untrace(c.Process.Pid); err != nil {
						return err
					}
				}
				broken := bound(c.Process)
				_ = c.Wait() // for its pipes
				return broken
			},
		}, nil
	}
}

func startSleep(s Subject) (*autokill.Process, error) {
	c := s.Command("sleep", "1000")
	err := c.Start()
	return c.Process, err
}

// bound lets go of a child as a crash does, without a signal by the library, and says if it
// was not alive before, or is so after.
func bound(p *autokill.Process) error {
	file, err := p.File()
	if err != nil {
		return err
	}
	_ = p.Close()
	if err := alive(p); err != nil {
		return err
	}
	file.Close()
	return over(p)
}

func alive(p *autokill.Process) error {
	select {
	case <-p.Done():
		return errors.New("the child has ended before its handle was closed")
	default:
		return nil
	}
}

// over waits for the end.
func over(processes ...*autokill.Process) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience/2)
	defer cancel()
	for _, p := range processes {
		_, err := p.WaitContext(ctx)
		if err != nil {
			return fmt.Errorf("the child survives its handle, or its end is not seen: %w", err)
		}
	}
	return nil
}

func closePlay(s Subject) (play, error) {
	p, err := startSleep(s)
	return play{
		act: func() error {
			_ = p.Close()
			return over(p)
		},
		settle: func(err error) error { return err }, // nothing may keep it from working
	}, err
}

func sendPlay(s Subject) (play, error) {
	p, err := startSleep(s)
	if err != nil {
		return play{}, err
	}
	from, to, err := sockets()
	return play{
		act: func() error { return p.Send(from) },
		settle: func(err error) error {
			defer from.Close()
			defer to.Close()
			if err != nil {
				from.Close()
				to.Close()
				return bound(p)
			}
			q, err := autokill.Receive(to)
			if err != nil {
				return err
			}
			return handedOn(p, q)
		},
	}, err
}

// handedOn says if a child does not live for as long as one of two has the handle.
func handedOn(p, q *autokill.Process) error {
	_ = p.Close()
	if err := alive(q); err != nil {
		return err
	}
	_ = q.Close()
	return over(p, q)
}

func receivePlay(s Subject) (play, error) {
	p, err := startSleep(s)
	if err != nil {
		return play{}, err
	}
	from, to, err := sockets()
	if err != nil {
		return play{}, err
	}
	var q *autokill.Process
	return play{
		act: func() (err error) { q, err = autokill.Receive(to); return err },
		settle: func(err error) error {
			from.Close()
			to.Close()
			if err != nil {
				return bound(p)
			}
			return handedOn(p, q)
		},
	}, p.Send(from)
}

func fromFilePlay(s Subject) (play, error) {
	p, err := startSleep(s)
	if err != nil {
		return play{}, err
	}
	file, err := p.File()
	var q *autokill.Process
	return play{
		act: func() (err error) { q, err = autokill.FromFile(file); return err },
		settle: func(err error) error {
			if err != nil {
				file.Close() // it still is ours
				return bound(p)
			}
			return handedOn(p, q)
		},
	}, err
}

// handOverPlay is both sides of a handover.
func handOverPlay(s Subject) (play, error) {
	given, err := startTwo(s)
	if err != nil {
		return play{}, err
	}
	from, to, err := sockets()
	var taken map[string]autokill.Handed
	var gave, took error
	return play{
		act: func() error {
			end := make(chan struct{})
			go func() {
				defer close(end)
				if taken, took = autokill.TakeOver(to); took != nil {
					to.Close() // tells the other side
				}
			}()
			if gave = autokill.HandOver(from, given); gave != nil {
				from.Close()
			}
			<-end
			return errors.Join(gave, took)
		},
		settle: func(error) error {
			from.Close()
			to.Close()
			if gave == nil && took != nil {
				return fmt.Errorf("the children were given up, and nobody has them: %w", took)
			}
			for name, handed := range given {
				p := handed.Process
				if err := alive(p); err != nil {
					return err
				}
				_ = p.Close()
				if q := taken[name].Process; q != nil {
					if err := handedOn(p, q); err != nil {
						return err
					}
				}
				if err := over(p); err != nil {
					return err
				}
			}
			return nil
		},
	}, err
}

// attachPlay binds a process of os/exec's, which leads a group.
func attachPlay(attach func(pid int) (*autokill.Process, error)) func(Subject) (play, error) {
	return func(Subject) (play, error) {
		c := exec.Command("sleep", "1000")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Start(); err != nil {
			return play{}, err
		}
		var p *autokill.Process
		return play{
			act: func() (err error) { p, err = attach(c.Process.Pid); return err },
			settle: func(err error) error {
				if err != nil {
					return spared(c)
				}
				_ = p.Close()
				var killed *exec.ExitError
				if err := c.Wait(); !errors.As(err, &killed) || killed.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
					return fmt.Errorf("the attached process was not killed: %w", err)
				}
				return over(p)
			},
		}, nil
	}
}

// spared says if a process was killed, by a signal that may still be on its way: nothing that is
// sent later comes before a SIGKILL.
func spared(c *exec.Cmd) error {
	_ = c.Process.Signal(unix.SIGTERM)
	var ended *exec.ExitError
	if err := c.Wait(); !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != unix.SIGTERM {
		return fmt.Errorf("the process was not left as it was: %w", err)
	}
	return nil
}
