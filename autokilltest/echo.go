//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

// patience bounds every wait of the suite.
const patience = testproc.Patience

// echo is a child (cat) that answers what it is told. That it answers proves that
// it is alive; the end of its output proves that it is gone, whatever its pid.
type echo struct {
	stdin, stdout *os.File // the child's ends
	say, hear     *os.File // ours

	world  *model.World // in which it is bound, if the test asks the model
	member int          // who of the family it is: 0 is the child
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	e := new(echo)
	var err, err2 error
	e.stdin, e.say, err = os.Pipe()
	e.hear, e.stdout, err2 = os.Pipe()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range []*os.File{e.stdin, e.say, e.hear, e.stdout} {
			f.Close()
		}
	})
	return e
}

// handOver closes our copies of the child's ends once somebody has been started
// with them.
func (e *echo) handOver() {
	e.stdin.Close()
	e.stdout.Close()
}

// ping fails the test unless the child answers. A child to which SIGKILL was sent
// does not, however soon it is asked.
func (e *echo) ping(t *testing.T) {
	t.Helper()
	const word = "ping\n"
	if _, err := e.say.WriteString(word); err != nil {
		t.Fatalf("the child is gone, it should live: %v", err)
	}
	deadline(t, e.hear)
	answer := make([]byte, len(word))
	if _, err := io.ReadFull(e.hear, answer); err != nil || string(answer) != word {
		t.Fatalf("the child is gone, it should live: answered %q, %v", answer, err)
	}
}

// gone fails the test unless the child ends without being told to.
func (e *echo) gone(t *testing.T) {
	t.Helper()
	if !gone(e.hear) {
		t.Fatal("the child has survived")
	}
}

// gone is the same question outside of a test.
func gone(hear *os.File) bool {
	if err := hear.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return false
	}
	_, err := io.Copy(io.Discard, hear)
	return err == nil
}

func deadline(t *testing.T, f *os.File) {
	t.Helper()
	if err := f.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
}

// start starts an echo in this process.
func (s suite) start(t *testing.T) (*autokill.Process, *echo) {
	t.Helper()
	e := newEcho(t)
	c := s.Command("cat")
	c.Stdin, c.Stdout, c.Stderr = e.stdin, e.stdout, os.Stderr
	p := s.begin(t, c)
	e.handOver()
	s.bind(t, e)
	e.ping(t)
	return p, e
}

// begin starts a command, sees to its end, and checks which mechanism it got.
func (s suite) begin(t *testing.T, c *autokill.Cmd) *autokill.Process {
	t.Helper()
	start := startCommand
	if s.attached {
		start = startAndAttach
	}
	p, err := start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		s.wait(t, p)
	})
	if got := p.Mechanism(); got != s.Mechanism {
		t.Fatalf("the mechanism is %v, want %v", got, s.Mechanism)
	}
	if got := p.Scope(); got != s.Scope {
		t.Fatalf("the scope is %v, want %v", got, s.Scope)
	}
	return p
}

// wait waits for Done.
func (s suite) wait(t *testing.T, p *autokill.Process) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Errorf("process %d has not ended in %v", p.Pid, patience)
	}
}

// killed fails the test unless SIGKILL has ended the child, or nobody can tell.
func killed(t *testing.T, p *autokill.Process) {
	t.Helper()
	state, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("the child ended with %v, want SIGKILL", state)
	}
}
