//go:build linux && (amd64 || arm64)

package moveover

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// notOurs are files of os/exec's tests that are about its inside.
var notOurs = map[string]string{
	"env_test.go":      "calls an unexported function",
	"internal_test.go": "calls an unexported type",
}

// inTree are packages of the Go tree that nobody else may import. Those of this name
// below testdata/osexec take their place.
var inTree = map[string]string{
	"internal/poll":           "osexec/poll",
	"internal/syscall/unix":   "osexec/unix",
	"internal/testenv":        "osexec/testenv",
	"os/exec/internal/fdtest": "osexec/fdtest",
}

// TestOSExec runs os/exec's own tests, of the Go tree at hand, with os/exec and with
// autokill.
func TestOSExec(t *testing.T) {
	needGo(t)
	if testing.Short() {
		t.Skip("compiles and runs os/exec's tests twice: without -short")
	}
	source := filepath.Join(goCommand(t, ".", "env", "GOROOT"), "src", "os", "exec")
	if files, _ := filepath.Glob(filepath.Join(source, "*_test.go")); len(files) == 0 {
		t.Skipf("needs the Go tree with its tests: none in %s", source)
	}
	// The runtime keeps files of the cgroup open to follow its processor limit, and
	// os/exec's test of what is open in a child is skipped then.
	t.Setenv("GODEBUG", "containermaxprocs=0")
	before := goTest(t, osExecTests(t, source, inTree), ".")
	both := maps.Clone(inTree)
	maps.Copy(both, movedOver)
	after := goTest(t, osExecTests(t, source, both), ".")
	report(t, "os/exec", before, after)
}

// osExecTests makes a module of os/exec's tests, with these imports replaced.
func osExecTests(t *testing.T, source string, imports map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	writeModule(t, dir)
	files, err := filepath.Glob(filepath.Join(source, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if notOurs[name] != "" || !strings.HasSuffix(name, "_test.go") && name != "read3.go" {
			continue
		}
		write(t, filepath.Join(dir, name), replaced(t, outside(read(t, file)), imports))
	}
	for _, shim := range []string{"poll/poll.go", "poll/poll.s", "testenv/testenv.go", "unix/unix.go"} {
		text := read(t, filepath.Join("testdata/osexec", shim))
		if strings.HasSuffix(shim, ".go") {
			text = replaced(t, text, imports)
		}
		write(t, filepath.Join(dir, shim), text)
	}
	// This one is as good here as there.
	write(t, filepath.Join(dir, "fdtest/exists.go"), read(t, filepath.Join(source, "internal/fdtest/exists_unix.go")))
	return dir
}

// outside makes a test of package exec_test out of one of package exec.
func outside(src string) string {
	return strings.Replace(src, "\npackage exec\n", "\npackage exec_test\n\nimport . \"os/exec\"\n", 1)
}

// writeModule writes a go.mod that has what ours has, and ours.
func writeModule(t *testing.T, dir string) {
	t.Helper()
	root := root(t)
	text := strings.Replace(read(t, filepath.Join(root, "go.mod")), "module "+module, "module osexec", 1)
	write(t, filepath.Join(dir, "go.mod"), text+"\nrequire "+module+" v0.0.0\nreplace "+module+" => "+root+"\n")
	write(t, filepath.Join(dir, "go.sum"), read(t, filepath.Join(root, "go.sum")))
}

// root is where our go.mod is.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func replaced(t *testing.T, src string, imports map[string]string) string {
	t.Helper()
	text, err := replaceImports(src, imports)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
