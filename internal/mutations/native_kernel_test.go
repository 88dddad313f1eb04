//go:build linux && (amd64 || arm64)

package mutations

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/autokill/autokill/internal/evidence"
)

// nativeVariable is set where there is the time for a virtual machine per mutation.
const nativeVariable = "AUTOKILL_MUTATIONS_NATIVE"

// nativeKernel is the newest that has the mechanism.
const nativeKernel = "7.3"

// TestMutationsNative tries in virtual machines what this machine's kernel does not show.
func TestMutationsNative(t *testing.T) {
	if os.Getenv(nativeVariable) == "" {
		t.Skipf("boots a virtual machine for each mutation: with %s=1", nativeVariable)
	}
	var chosen []mutation
	var tests []string
	for _, m := range everyList() {
		if m.native() {
			chosen, tests = append(chosen, m), append(tests, m.test)
		}
	}
	if out, err := inMachine(strings.Join(tests, "|"), ""); err != nil {
		t.Fatalf("they fail without a mutation: %v\n%s", err, out)
	}
	var rows [][]string
	for _, m := range chosen {
		t.Run(m.name, func(t *testing.T) {
			caught := m.catcher() + " on Linux " + nativeKernel
			out, err := inMachine(m.test, m.overlay(t))
			failed := strings.Contains(out, "--- FAIL: TestContract") || strings.Contains(out, "panic: test timed out")
			if err == nil || !failed {
				caught = "**not caught**"
				t.Errorf("%s: %v\n%s", m.test, err, out)
			}
			rows = append(rows, []string{m.name, m.file, caught})
		})
	}
	evidence.Table(t, "mutations", header, rows)
}

// inMachine runs tests of the root package, with an overlay or without.
func inMachine(test, overlay string) (said string, err error) {
	cmd := exec.Command("go", "run", "./internal/kernels/matrix",
		"-kernel", nativeKernel, "-packages", ".", "-run", test, "-overlay", overlay, "-v",
		"-timeout", "150s") // the child of a bond that does not hold keeps a test waiting
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}
