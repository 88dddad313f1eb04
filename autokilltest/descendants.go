//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

// descendants are the clauses of the scopes in which a child's descendants are bound,
// too.
var descendants = []clause{
	{"TestB1_SIGKILLOfTheHolder", func(t *testing.T, s suite) {
		s.eachFamily(t, func(t *testing.T, name string) {
			rounds, batch := times(500, 3), times(10, 3)
			if families[name].alone {
				rounds, batch = max(rounds/5, 1), 1
			}
			for range rounds / batch {
				s.killBreeder(t, name, batch)
			}
			t.Logf("%d families lost their holder: no survivor", rounds)
		})
	}},
	{"TestB1_Close", func(t *testing.T, s suite) {
		s.eachFamily(t, func(t *testing.T, name string) {
			s.endsAll(t, name, func(p *autokill.Process) error { return p.Close() }, model.Closed)
		})
	}},
	{"TestB1_WaitAfterTheEndOfTheChild", func(t *testing.T, s suite) {
		s.eachFamily(t, func(t *testing.T, name string) {
			s.endsAll(t, name, func(p *autokill.Process) error {
				if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
					return err
				}
				_, err := p.Wait()
				return err
			}, model.Ended, model.Closed)
		})
	}},
	{"TestB1_Stop", func(t *testing.T, s suite) {
		s.endsAll(t, "kin", func(p *autokill.Process) error {
			_, err := p.Stop(t.Context(), syscall.SIGTERM)
			return err
		}, model.Ended, model.Closed)
	}},
	{"TestB1_StopAll", func(t *testing.T, s suite) {
		s.endsAll(t, "kin", func(p *autokill.Process) error {
			_, err := p.StopAll(t.Context(), syscall.SIGTERM)
			return err
		}, model.Ended, model.Closed)
	}},
	{"TestB1_SignalAll", signalAll},
	{"TestB1_Members", members},
	{"TestB1_TheChildEndsFirst", func(t *testing.T, s suite) {
		p, e := s.startLeaver(t)
		s.bind(t, e)
		e.member = 1
		e.after(t, model.Ended)
		if _, err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		e.after(t, model.Closed)
		if err := p.SignalAll(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("SignalAll after all have ended: %v", err)
		}
	}},
}

// bereaved are those of the scopes in which others live on when the child has ended.
var bereaved = []clause{
	{"TestB1_GarbageAfterTheEndOfTheChild", func(t *testing.T, s suite) { s.leavesBound(t, "bereaved") }},
	{"TestB1_ReleaseAfterTheEndOfTheChild", func(t *testing.T, s suite) { s.leavesBound(t, "bereaved and released") }},
	{"TestB1_ReleaseBeforeTheEndOfTheChild", func(t *testing.T, s suite) { s.leavesBound(t, "released and bereaved") }},
}

// endsWithTheChild: the init of a PID namespace ends when the child does.
func (s suite) endsWithTheChild(t *testing.T) bool {
	t.Helper()
	return allowed(t, s.bond(), 1, model.Ended) == model.Dies
}

// eachFamily runs a test for every family that is a whole.
func (s suite) eachFamily(t *testing.T, test func(t *testing.T, name string)) {
	t.Helper()
	for _, name := range testproc.Part(slices.Sorted(maps.Keys(families))) {
		f := families[name]
		if allowed(t, s.bond(), 1, f.does...) == model.Dies {
			continue // it ends with the child, which leaves: see TestB1_TheChildEndsFirst
		}
		if f.words > 0 {
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
				if f.user != 0 && os.Geteuid() == 0 && (!hasUser(f.user) || !s.reachesEverybody()) {
					t.Skipf("needs to become user %d, for whom limits hold", f.user)
				}
				test(t, name)
			})
		}
	}
}

// killBreeder kills the holder of some families with SIGKILL.
func (s suite) killBreeder(t *testing.T, name string, count int) {
	t.Helper()
	line := testproc.NewLifeline(t)
	cmd := testproc.Command(breederRole, s.name, name, strconv.Itoa(count))
	cmd.ExtraFiles = []*os.File{line.End()}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		allGone(t, line, s.bond(), itAndKin, slices.Concat(families[name].does, []model.Event{model.Killed})...)
		testproc.ReapAll()
	}()
	line.Cut()
	readWords(t, line, name, count)
}

// readWords returns when all have spoken.
func readWords(t *testing.T, line *testproc.Lifeline, name string, count int) {
	t.Helper()
	want := strings.Repeat(word, count*families[name].words)
	got := ""
	line.Deadline(t, time.Now().Add(patience))
	for len(got) < len(want) {
		b := make([]byte, len(want)-len(got))
		n, err := line.Read(b)
		got += string(b[:n])
		if strings.Contains(got, noWord) { // the others may wait for one who does not come
			t.Skip("this machine does not let us: see above")
		}
		if err != nil {
			t.Fatalf("%d of %d have spoken: %v", len(got)/len(word), len(want)/len(word), err)
		}
	}
	if got != want {
		t.Fatalf("the family said %q", got)
	}
}

// endsAll starts families in this process and ends them in some way, which is those events.
func (s suite) endsAll(t *testing.T, name string, end func(*autokill.Process) error, events ...model.Event) {
	t.Helper()
	rounds := times(50, 1)
	for range rounds {
		line := testproc.NewLifeline(t)
		c := familyCommand(s.Subject, s.name, name)
		c.Stdout = line.End()
		p := s.begin(t, c)
		line.Cut()
		readWords(t, line, name, 1)
		if look := families[name].check; look != nil {
			look(t, p.Pid)
		}
		if err := end(p); err != nil {
			t.Fatal(err)
		}
		allGone(t, line, s.bond(), itAndKin, slices.Concat(families[name].does, events)...)
		s.wait(t, p)
		testproc.ReapAll()
	}
	t.Logf("%d times: no survivor", rounds)
}

// signalAll: a signal for everybody reaches each of them once, a signal for the child
// nobody else.
func signalAll(t *testing.T, s suite) {
	line := testproc.NewLifeline(t)
	c := s.Command("/bin/sh", "-c", `NAME=follower setsid sh -c "$LOOP" & NAME=leader eval "$LOOP"`)
	c.Env = append(os.Environ(), `LOOP=trap "echo $NAME" USR1; echo ready; while :; do sleep 1000 & wait $!; done`)
	c.Stdout, c.Stderr = line.End(), os.Stderr
	p := s.begin(t, c)
	line.Cut()
	expectLines(t, line, "ready", "ready")
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	expectLines(t, line, "leader")
	if err := p.SignalAll(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	expectLines(t, line, "follower", "leader")
	if state, err := p.StopAll(t.Context(), syscall.SIGTERM); err != nil || state.String() != "signal: terminated" {
		t.Errorf("%v, %v", state, err)
	}
	if said := allGone(t, line, s.bond(), itAndKin, model.Ended, model.Closed); len(said) > 0 {
		t.Errorf("there was more: %q", said)
	}
}

// expectLines reads as many lines, in any order.
func expectLines(t *testing.T, line *testproc.Lifeline, want ...string) {
	t.Helper()
	line.Deadline(t, time.Now().Add(patience))
	got := make([]byte, len(strings.Join(want, "\n"))+1)
	if _, err := io.ReadFull(line, got); err != nil {
		t.Fatalf("read %q: %v, want %q", got, err, want)
	}
	lines := strings.Fields(string(got))
	slices.Sort(lines)
	if !slices.Equal(lines, want) {
		t.Fatalf("got %q, want %q", lines, want)
	}
}

// membersUnknown: without /proc nobody can be listed, which is said.
func membersUnknown(t *testing.T, s suite) {
	t.Helper()
	p, _ := s.start(t)
	if all, err := p.Members(); !errors.Is(err, errors.ErrUnsupported) || len(all) > 0 {
		t.Errorf("without /proc the members are %v, %v", all, err)
	}
}

func members(t *testing.T, s suite) {
	if _, err := os.Lstat("/proc/self"); err != nil {
		membersUnknown(t, s)
		return
	}
	line := testproc.NewLifeline(t)
	c := familyCommand(s.Subject, s.name, "kin")
	c.Stdout = line.End()
	p := s.begin(t, c)
	line.Cut()
	readWords(t, line, "kin", 1)
	all, err := p.Members()
	if err != nil || len(all) != 4 || !slices.Contains(all, p.Pid) || !slices.IsSorted(all) {
		t.Errorf("the members are %v, %v: want four, %d among them", all, err, p.Pid)
	}
	if err := p.Kill(); err != nil { // the child alone
		t.Fatal(err)
	}
	s.wait(t, p)
	all, err = p.Members()
	switch {
	case s.endsWithTheChild(t):
		if err != nil || len(all) > 0 {
			t.Errorf("after the end of the child the members are %v, %v", all, err)
		}
	case errors.Is(err, errors.ErrUnsupported) && !testproc.KernelAtLeast(6, 9):
		t.Logf("as it should be on this kernel: %v", err)
	case err != nil || len(all) != 3 || slices.Contains(all, p.Pid):
		t.Errorf("without the child the members are %v, %v: want three", all, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	allGone(t, line, s.bond(), itAndKin, model.Left, model.Ended, model.Closed)
	if all, err := p.Members(); err != nil || len(all) > 0 {
		t.Errorf("after Close the members are %v, %v", all, err)
	}
}

// startLeaver starts a child that ends and leaves an echo.
func (s suite) startLeaver(t *testing.T) (*autokill.Process, *echo) {
	t.Helper()
	e := newEcho(t)
	c := attacker(s.Command, "leave")
	c.Stdin, c.Stdout, c.Stderr = e.stdin, e.stdout, os.Stderr
	p := s.begin(t, c)
	e.handOver()
	s.wait(t, p)
	return p, e
}

// leavesBound: who is left when the child has ended, and whom the holder has forgotten,
// stays bound to the holder's life.
func (s suite) leavesBound(t *testing.T, manner string) {
	t.Helper()
	h := s.startHolder(t, manner, "leave")
	h.tell(t)
	h.expect(t, "done")
	h.member = 1
	h.after(t, model.Ended, model.Event{Kind: model.Release, Ref: model.TheRef})
	h.kill()
	h.after(t, model.Killed)
}
