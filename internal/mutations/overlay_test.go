//go:build linux && (amd64 || arm64)

package mutations

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/testproc"
)

// source is the mutated file.
func (m mutation) source() (string, error) {
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s has %d times what is to be replaced, want once:\n%s", m.file, n, m.old)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}

// overlay is a file for the -overlay of the go command.
func (m mutation) overlay(t *testing.T) string {
	t.Helper()
	source, err := m.source()
	if err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mutated := filepath.Join(dir, filepath.Base(m.file))
	list, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	for name, text := range map[string]string{mutated: source, path: string(list)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func (m mutation) caughtBy() [2]string { return [2]string{m.pkg, m.test} }

// catcher is the name of the test without the marks of a regular expression.
func (m mutation) catcher() string {
	name := strings.NewReplacer("^", "", "$", "").Replace(m.test)
	if m.pkg == "." {
		return name
	}
	return name + " of " + m.pkg
}

// build compiles the tests of the package. A mutation that does not compile is none.
func build(t *testing.T, m mutation, binary string, flags ...string) {
	t.Helper()
	args := append([]string{"-C", root, "test", "-c", "-vet=off", "-o", binary}, flags...)
	testproc.Go(t, append(args, "./"+m.pkg)...)
}

// run runs the test. What it leaves behind is killed when all are done. The output is a
// file and no pipe, which survivors would hold open.
func run(t *testing.T, m mutation, binary string) (said string, err error) {
	t.Helper()
	out, failed := os.Create(filepath.Join(t.TempDir(), "output"))
	if failed != nil {
		t.Fatal(failed)
	}
	defer out.Close()
	cmd := exec.Command(binary, "-test.short", "-test.v", "-test.timeout=100s", "-test.run="+m.test)
	cmd.Dir = filepath.Join(root, m.pkg)
	cmd.Stdout, cmd.Stderr = out, out
	// The long form shows no more, and takes minutes.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, evidence.Variable+"=") })
	err = cmd.Run()
	text, failed := os.ReadFile(out.Name())
	if failed != nil {
		t.Fatal(failed)
	}
	return string(text), err
}

// killOrphans kills whoever has come to us, a subreaper, when a run was over.
func killOrphans() {
	for {
		testproc.ReapAll()
		orphans := testproc.Children(os.Getpid())
		if len(orphans) == 0 {
			return
		}
		for _, orphan := range orphans {
			_ = unix.Kill(orphan.PID, unix.SIGKILL)
		}
	}
}
