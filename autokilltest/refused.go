//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"os"
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
	before, children := testproc.OpenDescriptors(), len(testproc.Children(os.Getpid()))
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
	after := testproc.OpenDescriptors()
	for n, what := range after {
		if before[n] != what {
			t.Errorf("descriptor %d was left open: %s", n, what)
		}
	}
	if n := len(testproc.Children(os.Getpid())); n > children {
		t.Errorf("%d children before, %d after", children, n)
	}
	line.AllGone(t)
}
