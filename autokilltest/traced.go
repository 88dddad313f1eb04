//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/testproc"
)

// releases are how a tracer lets go of a child that it has stopped at its end.
var releases = []struct {
	name string
	// do runs on the tracer's thread, and says whether that has to end.
	do func(pid int) (ends bool, err error)
}{
	{"the tracer detaches", func(pid int) (bool, error) { return false, unix.PtraceDetach(pid) }},
	{"the tracer ends", func(int) (bool, error) { return true, nil }},
}

// tracedAtTheEnd looks at what a tracer with PTRACE_O_TRACEEXIT does to the end of a child. The
// kernel stops that on its way out (ptrace(2), PTRACE_EVENT_EXIT), before it has closed anything.
// It is killed all the same, and ends when the tracer is out of the way.
func tracedAtTheEnd(t *testing.T, s suite) {
	hold := time.Duration(times(1000, 50)) * time.Millisecond
	var rows [][]string
	for _, release := range releases {
		p := s.begin(t, s.Command("sleep", "1000"))
		tr := traceEnd(t, p.Pid, release.do)
		began := time.Now()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		stop := <-tr.stop
		seen := fmt.Sprintf("after %.1f ms", milliseconds(time.Since(began)))
		if stop != stoppedAtExit {
			t.Errorf("%s: the tracer saw %s", release.name, stop)
		}
		// Neither time nor another SIGKILL moves it.
		_ = unix.Kill(p.Pid, unix.SIGKILL)
		select {
		case <-p.Done():
			t.Errorf("%s: it has ended before that", release.name)
		case <-time.After(hold):
		}
		stat, err := testproc.ReadProcess(p.Pid)
		if err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		close(tr.release)
		s.wait(t, p)
		rows = append(rows, []string{
			s.name, seen, fmt.Sprintf("%v, in state %s", hold, stat.State), release.name,
			fmt.Sprintf("after %.1f ms", milliseconds(time.Since(began))),
		})
	}
	evidence.Table(t, "traced at the end", []string{"subject", "stops after Close", "held for", "until", "end seen"}, rows)
}

// tracedByItsHolder looks at a child whose holder has become its tracer, unasked, or that of one of
// its threads: in whatever way that kills, it is told of the end.
func tracedByItsHolder(t *testing.T, s suite) {
	if s.attached {
		t.Skip("needs to be the parent: another one is the tracer of what is attached")
	}
	kills := map[string]func(*autokill.Process) error{
		"Close": (*autokill.Process).Close,
		"Close of one who had shared it": func(p *autokill.Process) error {
			file, err := p.File()
			if err != nil {
				return err
			}
			return errors.Join(file.Close(), p.Close())
		},
		"Kill":      (*autokill.Process).Kill,
		"SignalAll": func(p *autokill.Process) error { return p.SignalAll(unix.SIGKILL) },
	}
	for _, name := range slices.Sorted(maps.Keys(kills)) {
		for _, attack := range some([]string{"traceme", "tracethread"}, 1) {
			s.tracedUntil(t, attack, name, kills[name])
		}
	}
}

func (s suite) tracedUntil(t *testing.T, attack, name string, kill func(*autokill.Process) error) {
	t.Helper()
	line := testproc.NewLifeline(t)
	c := attacker(s.Command, attack)
	c.Stdout = line.End()
	p := s.begin(t, c)
	line.Cut()
	line.Deadline(t, time.Now().Add(patience))
	if said, err := bufio.NewReader(line).ReadString('\n'); said != "ready\n" {
		t.Fatalf("%s: it said %q, %v", attack, said, err)
	}
	stoppedByTracer(t, p.Pid)
	if err := kill(p); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatalf("%s: the end of process %d is not told after %s", attack, p.Pid, name)
	}
}

// stoppedByTracer waits until a thread of a process is, where /proc tells.
func stoppedByTracer(t *testing.T, pid int) {
	t.Helper()
	if _, err := testproc.ReadProcess(pid); err != nil {
		return
	}
	isStopped := func(thread testproc.Stat) bool { return thread.State == "t" }
	eventually(t, fmt.Sprintf("thread of process %d was stopped", pid), func() bool {
		return slices.ContainsFunc(testproc.Threads(pid), isStopped)
	})
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// stoppedAtExit is what the tracer is to see.
const stoppedAtExit = "PTRACE_EVENT_EXIT"

// tracer is a thread of this process, whose end is that of the tracing.
type tracer struct {
	stop    chan string   // what the child stops with
	release chan struct{} // closed when the child may go
}

// traceEnd starts the tracing, or skips the test where that is not allowed.
func traceEnd(t *testing.T, pid int, release func(pid int) (ends bool, err error)) *tracer {
	t.Helper()
	tr := &tracer{make(chan string, 1), make(chan struct{})}
	ready := make(chan error)
	offLeader(func() { tr.run(pid, release, ready) })
	if err := <-ready; err != nil {
		t.Skipf("needs to be let trace a child: %v", err)
	}
	return tr
}

// run has a thread, which ends with it unless it is unlocked.
func (tr *tracer) run(pid int, release func(int) (bool, error), ready chan<- error) {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, unix.PTRACE_O_TRACEEXIT, 0, 0)
	ready <- errnoOf(errno)
	if errno != 0 {
		return
	}
	var status unix.WaitStatus
	_, err := unix.Wait4(pid, &status, unix.WALL, nil)
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Wait4(pid, &status, unix.WALL, nil)
	}
	switch {
	case err != nil:
		tr.stop <- err.Error()
	case int(status)>>16 == unix.PTRACE_EVENT_EXIT:
		tr.stop <- stoppedAtExit
	default:
		tr.stop <- fmt.Sprintf("status %#x", status)
	}
	<-tr.release
	if ends, err := release(pid); !ends && err == nil {
		runtime.UnlockOSThread()
	}
}
