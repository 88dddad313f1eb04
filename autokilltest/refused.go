//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// Refused is the other half of the contract, R3: where the subject's mechanism cannot
// keep it, the start is refused, again and again, with an error that wraps
// errors.ErrUnsupported and says why, and nothing is left behind.
func Refused(t *testing.T, subjects Subjects, name, says string) {
	subject, ok := subjects[name]
	if !ok {
		t.Fatalf("there is no subject %q", name)
	}
	// What is opened once for all is opened by the first.
	_ = subject.Command("true").Start()
	line := testproc.NewLifeline(t)
	before, children := testproc.OpenDescriptors(), living()
	for range 3 {
		c := subject.Command("sleep", "1000")
		c.Stdout = line.End()
		err := c.Start()
		if err == nil {
			t.Errorf("it was started, by %v", c.Process.Mechanism())
			c.Process.Close()
			<-c.Process.Done()
			continue
		}
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want errors.ErrUnsupported that says %q", err, says)
		}
		var e *autokill.OpError
		if !errors.As(err, &e) || e.Op != "start" || e.Mechanism != subject.Mechanism {
			t.Errorf("%v is no *autokill.OpError of a start by %v", err, subject.Mechanism)
		}
		t.Log(err)
	}
	if subject.Mechanism == autokill.Tripwire && subject.Scope == autokill.ScopeProcess {
		t.Run("TestB2_Attach", func(t *testing.T) {
			newBystander(t, exec.Command("cat")).refuses(t, autokill.Attach, errors.ErrUnsupported, says)
		})
	}
	after := testproc.OpenDescriptors()
	for n, what := range after {
		if before[n] != what {
			t.Errorf("descriptor %d was left open: %s", n, what)
		}
	}
	line.AllGone(t)
	eventually(t, "end of what was begun", func() bool { return living() <= children })
}

// living counts our children without the dead. An init that could not be, and whose
// monitor could not either, comes to the tests, which are a subreaper, and is theirs to
// reap.
func living() (n int) {
	for _, child := range testproc.Children(os.Getpid()) {
		if child.State != "Z" && child.State != "X" {
			n++
		}
	}
	return n
}
