//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/autokilltest"
	"github.com/autokill/autokill/internal/testproc"
)

var subjects = autokilltest.Subjects{
	"native":   subject(autokill.Native, autokill.ScopeProcess),
	"tripwire": subject(autokill.Tripwire, autokill.ScopeProcess),
	"tree":     subject(autokill.Tripwire, autokill.ScopeTree),

	"pidns by native":   subject(autokill.Native, autokill.ScopePIDNamespace),
	"pidns by tripwire": subject(autokill.Tripwire, autokill.ScopePIDNamespace),
}

func subject(m autokill.Mechanism, scope autokill.Scope) autokilltest.Subject {
	return autokilltest.Subject{
		Mechanism: m, Scope: scope,
		Command: func(name string, args ...string) *autokill.Cmd {
			c := autokill.Command(name, args...)
			c.Mechanism, c.Scope = m, scope
			return c
		},
	}
}

func TestMain(m *testing.M) {
	autokilltest.Main(m, subjects, map[string]autokilltest.Role{
		exhaustRole: exhaust, orphanedRole: runBesideStopped, pidnsRole: startInPIDNamespace, fewRole: startWithFew, edgeRole: edge, sessionRole: session, pdeathsigRole: pdeathsig, worldRole: worlds, insiderRole: inside, failedExecRole: failedExec, restlessRole: restless,
	})
}

// TestContract holds both mechanisms to the contract, as whoever runs the tests.
func TestContract(t *testing.T) {
	t.Run("native", func(t *testing.T) {
		needNative(t)
		autokilltest.Run(t, subjects, "native")
		autokilltest.RunSupervised(t, subjects, "native")
	})
	t.Run("tripwire", func(t *testing.T) {
		autokilltest.Run(t, subjects, "tripwire")
		autokilltest.RunSupervised(t, subjects, "tripwire")
	})
	t.Run("tree", func(t *testing.T) {
		autokilltest.Run(t, subjects, "tree")
		autokilltest.RunSupervised(t, subjects, "tree")
	})
	t.Run("pidns by native", func(t *testing.T) {
		needNative(t)
		autokilltest.Run(t, subjects, "pidns by native")
		autokilltest.RunSupervised(t, subjects, "pidns by native")
	})
	t.Run("pidns by tripwire", func(t *testing.T) {
		autokilltest.Run(t, subjects, "pidns by tripwire")
		autokilltest.RunSupervised(t, subjects, "pidns by tripwire")
	})
}

// needNative skips where there can be no native, and fails where it should be.
func needNative(t *testing.T) {
	t.Helper()
	err := autokill.Probe()[0].Err
	switch {
	case err == nil:
	case !errors.Is(err, errors.ErrUnsupported):
		t.Fatal(err)
	case testproc.KernelAtLeast(7, 1):
		t.Fatalf("this kernel should have it: %v", err)
	default:
		t.Skip(err)
	}
}
