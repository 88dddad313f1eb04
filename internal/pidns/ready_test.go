//go:build linux && (amd64 || arm64)

package pidns

import (
	"errors"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/testproc"
)

// turnstile is where a process of a start waits until the test lets it go on.
type turnstile struct{ r, w *os.File }

func newTurnstile(t *testing.T) turnstile {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return turnstile{r, w}
}

func (s turnstile) open() { _, _ = s.w.Write([]byte{0}) }

// step waits at the turnstile, which the process has as descriptor n.
func (s turnstile) step(n int) clone.Step {
	return clone.Step{Name: "turnstile", Nr: unix.SYS_READ, Args: [6]clone.Arg{clone.Int(n), clone.Addr(new(byte)), clone.Int(1)}}
}

// interrupted starts a command that says who pid 1 is, and calls signals while the start is
// under way.
func interrupted(t *testing.T, o Options, change func(*clone.Request), signals func(command int)) {
	t.Helper()
	line := testproc.NewLifeline(t)
	r := sh("cat /proc/1/comm", line.End())
	n, err := Prepare(r, o)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	change(r)
	pending, err := r.Clone()
	if err != nil {
		t.Fatal(err)
	}
	outermost := pending.Pid()
	failed := make(chan error)
	go func() {
		outer, err := pending.Wait()
		if err == nil {
			_ = unix.Waitid(unix.P_PIDFD, outer.Pidfd, nil, unix.WEXITED|unix.WALL, nil)
			_ = unix.Close(outer.Pidfd)
		}
		failed <- err
	}()
	members, err := n.Members()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = unix.Close(members.Command), unix.Close(members.Init)
	signals(members.Pid)
	select {
	case err = <-failed:
	case <-time.After(testproc.Patience):
		_ = unix.Kill(outermost, unix.SIGKILL)
		err = errors.Join(errors.New("it did not end"), <-failed)
	}
	n.Started()
	if err != nil {
		t.Errorf("the start: %v", err)
	}
	if said := string(line.AllGone(t)); said != InitName+"\n" {
		t.Errorf("pid 1 of the command's /proc is %q", said)
	}
}

// inState waits for one of the states, and gives the name that the process has then.
func inState(t *testing.T, pid int, states string) (name string) {
	t.Helper()
	until(t, func() bool {
		stat, err := testproc.ReadProcess(pid)
		name = stat.Name
		return err == nil && strings.Contains(states, stat.State)
	})
	return name
}

// TestSignalsWhileTheNamespaceIsPrepared: no signal makes the command run before its namespace
// is ready, or fail.
func TestSignalsWhileTheNamespaceIsPrepared(t *testing.T) {
	for name, signals := range map[string][]unix.Signal{
		"continued":             {unix.SIGCONT},
		"stopped and continued": {unix.SIGSTOP, unix.SIGCONT},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, o Options) {
				gate := newTurnstile(t)
				interrupted(t, o, func(r *clone.Request) {
					init := r.Ancestors[len(r.Ancestors)-1]
					fork := slices.IndexFunc(init.Steps, func(s clone.Step) bool { return s.Fork != nil })
					init.Steps = slices.Insert(init.Steps, fork+1, gate.step(int(gate.r.Fd())))
				}, func(command int) {
					before := inState(t, command, "S")
					for _, sig := range signals {
						if err := unix.Kill(command, sig); err != nil {
							t.Error(err)
						}
						state := "SZ"
						if sig == unix.SIGSTOP {
							state = "T"
						}
						if now := inState(t, command, state); now != before {
							t.Errorf("the command is %q already", now)
						}
					}
					gate.open()
				})
			})
		})
	}
}

// TestStopAfterTheWordOfTheInit: a stop signal that is ignored does not take the init's word away.
func TestStopAfterTheWordOfTheInit(t *testing.T) {
	signal.Ignore(syscall.SIGTSTP)
	defer signal.Reset(syscall.SIGTSTP)
	both(t, func(t *testing.T, o Options) {
		gate := newTurnstile(t)
		interrupted(t, o, func(r *clone.Request) {
			// In the place of standard input, which sh does without.
			r.Files[0] = int(gate.r.Fd())
			r.Waits = slices.Insert(r.Waits, 0, gate.step(0))
		}, func(command int) {
			stat, err := testproc.ReadProcess(command)
			if err != nil {
				t.Fatal(err)
			}
			// When it is the program and sleeps, it has given its word.
			until(t, func() bool {
				init, err := testproc.ReadProcess(stat.PPID)
				return err == nil && init.Name == InitName && init.State == "S"
			})
			if err := unix.Kill(command, unix.SIGTSTP); err != nil {
				t.Error(err)
			}
			gate.open()
		})
	})
}
