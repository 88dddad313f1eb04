//go:build linux

package cli

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

// TestProbeKnowsTheKernel: what is said here is what this kernel has.
func TestProbeKnowsTheKernel(t *testing.T) {
	out, err := exec.Command("autokill", "probe").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"scope process: would use tripwire\n", "scope tree: would use tripwire\n", "native: no: this kernel has no CLONE_PIDFD_AUTOKILL"}
	if testproc.KernelAtLeast(7, 1) {
		want = []string{"scope process: would use native\n", "scope tree: would use tripwire\n", "native: works\n"}
	}
	for _, line := range want {
		if !strings.Contains(string(out), line) {
			t.Errorf("probe does not say %q:\n%s", line, out)
		}
	}
}
