//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
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
		exhaustRole: exhaust, edgeRole: edge, sessionRole: session, pdeathsigRole: pdeathsig, worldRole: worlds,
	})
}

// TestContract holds both mechanisms to the contract, as whoever runs the tests.
func TestContract(t *testing.T) {
	t.Run("native", func(t *testing.T) {
		needNative(t)
		autokilltest.Run(t, subjects, "native")
	})
	t.Run("tripwire", func(t *testing.T) {
		autokilltest.Run(t, subjects, "tripwire")
	})
	t.Run("tree", func(t *testing.T) {
		autokilltest.Run(t, subjects, "tree")
	})
	t.Run("pidns by native", func(t *testing.T) {
		needNative(t)
		autokilltest.Run(t, subjects, "pidns by native")
	})
	t.Run("pidns by tripwire", func(t *testing.T) {
		autokilltest.Run(t, subjects, "pidns by tripwire")
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
	case testproc.Denied() != "":
		t.Skipf("denied to this run: %v", err)
	case testproc.KernelAtLeast(7, 1):
		t.Fatalf("this kernel should have it: %v", err)
	default:
		t.Skip(err)
	}
}

// TestContractElsewhere runs TestContract again where this process cannot go
// itself: as an ordinary user, and with clone3 denied.
func TestContractElsewhere(t *testing.T) {
	if testproc.Denied() != "" || os.Getenv(elsewhere) != "" {
		t.Skip("this is elsewhere already")
	}
	if testing.Short() && os.Getenv("AUTOKILL_KERNEL") != "" {
		t.Skip("takes long in a virtual machine, which has an ordinary user's run anyway: make kernels FULL=1 runs it")
	}
	ordinary := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	for _, tt := range []struct {
		name string
		deny string
		sys  *syscall.SysProcAttr
	}{
		{"ordinary user", "", ordinary},
		{"clone3 answers ENOSYS", "clone3=ENOSYS", nil},
		{"clone3 answers EPERM", "clone3=EPERM", nil},
		{"ordinary user, clone3 answers ENOSYS", "clone3=ENOSYS", ordinary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && tt.deny != "clone3=ENOSYS" {
				t.Skip("the short form has one run elsewhere")
			}
			if tt.sys != nil && os.Geteuid() != 0 {
				t.Skip("only root can become another user; this run is an ordinary user's already")
			}
			args := []string{"-test.run=^TestContract$", "-test.v", "-test.short", "-test.timeout=5m"}
			cmd := exec.CommandContext(t.Context(), testproc.Exe, args...)
			cmd.Env = append(os.Environ(), elsewhere+"=1", "TMPDIR=/tmp")
			if tt.deny != "" {
				cmd.Env = testproc.Denying(cmd.Env, tt.deny)
			}
			cmd.SysProcAttr = tt.sys
			cmd.Dir = "/"
			out, err := cmd.CombinedOutput()
			passed := strings.Count(string(out), "    --- PASS: TestContract/tripwire/")
			if err != nil || passed < 30 {
				t.Fatalf("%v, %d clauses passed:\n%s", err, passed, out)
			}
			if tt.deny != "" && !bytes.Contains(out, []byte("--- SKIP: TestContract/native")) {
				t.Errorf("native ran although clone3 was denied:\n%s", out)
			}
			t.Logf("%d clauses passed for tripwire", passed)
		})
	}
}

const elsewhere = "AUTOKILL_TEST_ELSEWHERE"
