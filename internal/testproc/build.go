//go:build linux

package testproc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Go runs the go command, for tests of what it makes of our sources. Without a build
// cache it would compile the standard library again, which takes minutes: the test is
// skipped then, as where there is no go command.
func Go(t *testing.T, args ...string) {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Skipf("needs the go command: %v", err)
	}
	if _, err := os.Stat(filepath.Join(strings.TrimSpace(string(cache)), "README")); err != nil {
		t.Skipf("needs a build cache: %v", err)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
