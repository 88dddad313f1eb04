//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

// What a test expects it asks the model: it says what it has made happen, and the model who
// must live then.

// bond is what the model is to know of the subject.
func (s suite) bond() model.Bond {
	b := model.Bond{Attached: s.attached, Everywhere: os.Geteuid() == 0 && s.reachesEverybody()}
	if s.Mechanism == autokill.Tripwire {
		b.Mechanism = model.Tripwire
	}
	switch s.Scope {
	case autokill.ScopeProcess:
		b.Scope = model.Process
	case autokill.ScopeTree:
		b.Scope = model.Tree
	case autokill.ScopePIDNamespace:
		b.Scope = model.PIDNamespace
	}
	return b
}

// bind says that somebody holds the child that the echo is, or what that has started.
func (s suite) bind(t *testing.T, e *echo) {
	t.Helper()
	e.world = model.New(s.bond())
	e.happens(t, s.bond().Begin()...)
}

func (e *echo) happens(t *testing.T, events ...model.Event) {
	t.Helper()
	for _, event := range events {
		if err := e.world.Happen(event); err != nil {
			t.Fatalf("the model says: %v", err)
		}
	}
}

// after says what the test has made happen, and fails it unless the echo fares as it must.
func (e *echo) after(t *testing.T, events ...model.Event) {
	t.Helper()
	e.happens(t, events...)
	switch fate := e.world.Fate(model.TheChild, e.member); fate {
	case model.Lives:
		e.ping(t)
	case model.Dies:
		e.gone(t)
	default:
		t.Fatalf("the contract leaves open whether it %v", fate)
	}
}

// allowed is what may be seen of somebody of a child's family, if that has happened since it was
// bound.
func allowed(t *testing.T, b model.Bond, member int, events ...model.Event) model.Fates {
	t.Helper()
	fate, err := model.Story{Member: member, Events: events}.Play(b)
	if err != nil {
		t.Fatalf("the model says: %v", err)
	}
	return fate
}

// Who has a lifeline: the child, or also what it has started.
var (
	itAlone  = []string{"the child"}
	itAndKin = []string{"the child", "what it has started"}
)

// allGone fails the test unless all who have the lifeline end, and the model says that they do.
// It returns what they have written.
func allGone(t *testing.T, line *testproc.Lifeline, b model.Bond, all []string, events ...model.Event) []byte {
	t.Helper()
	for member, who := range all {
		if fate := allowed(t, b, member, events...); fate != model.Dies {
			t.Errorf("the model says that %s %v, and this test wants their end", who, fate)
		}
	}
	return line.AllGone(t)
}

// answer is the error that a start gets which asks for this here, or nil.
func (s suite) answer(t *testing.T, w model.Wish) error {
	t.Helper()
	holder := model.Holder{
		SysAdmin:   hasCapability(t, unix.CAP_SYS_ADMIN),
		Setuid:     hasCapability(t, unix.CAP_SETUID),
		Everywhere: s.reachesEverybody(),
	}
	switch s.bond().Answers(holder, w) {
	case model.Invalid:
		return syscall.EINVAL
	case model.NotPermitted:
		return syscall.EPERM
	case model.Unsupported:
		return errors.ErrUnsupported
	}
	return nil
}

// mustTell says whether the status of a child must be known to who asks.
func (s suite) mustTell(a model.Asking) bool {
	a.Bond, a.Exits = s.bond(), statusIsTold()
	return a.Allowed() == model.Known
}

// agrees fails the test unless the model allows what is told of the end of a child, which
// really was as want says.
func agrees(t *testing.T, a model.Asking, told *autokill.ProcessState, want string) {
	t.Helper()
	a.Exits = statusIsTold()
	switch answer, known := a.Allowed(), told.Known(); {
	case known && answer&model.Known == 0, !known && answer&model.Unknown == 0:
		t.Errorf("%+v: told %v", a, told)
	case known && told.String() != want:
		t.Errorf("%+v: told %v, want %s", a, told, want)
	case !known && told.ExitCode() != -1:
		t.Errorf("%+v: told %v with code %d", a, told, told.ExitCode())
	}
}
