//go:build linux && (amd64 || arm64)

package moveover

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestModules runs the tests of real modules, with os/exec and with autokill. The short form
// leaves os/exec out where all tests pass with autokill.
func TestModules(t *testing.T) {
	if os.Getenv("AUTOKILL_MOVEOVER") == "" {
		t.Skip("fetches modules and takes minutes: make moveover")
	}
	needGo(t)
	table := [][]string{{"", "with os/exec", "with autokill"}}
	for _, p := range programs {
		t.Run(p.path, func(t *testing.T) {
			source := fetch(t, p)
			before, after := t.TempDir(), t.TempDir()
			for _, dir := range []string{before, after} {
				copyTree(t, source, dir)
				apply(t, dir, p.preparations)
			}
			moveOver(t, after)
			apply(t, after, p.adaptations)
			require(t, after)
			// The same go.mod for both, so that only the import differs.
			for _, name := range []string{"go.mod", "go.sum"} {
				write(t, filepath.Join(before, name), read(t, filepath.Join(after, name)))
			}
			ours := goTest(t, after, p.arguments()...)
			if testing.Short() && ours.sound() && len(differences[p.path]) == 0 {
				table = append(table, []string{p.path + " " + p.version, "not run, nothing to compare", counts(ours.results)})
				return
			}
			theirs := goTest(t, before, p.arguments()...)
			report(t, p.path, theirs, ours)
			table = append(table, []string{p.path + " " + p.version, counts(theirs.results), counts(ours.results)})
		})
	}
	for _, row := range table {
		t.Logf("%-40s  %-36s  %-36s", row[0], row[1], row[2])
	}
}

// arguments are for go test. Two packages at once could make each other fail: many of
// these tests have their own idea of how long something takes.
func (p program) arguments() []string {
	args := []string{"-p=1"}
	if len(p.skips) > 0 {
		args = append(args, "-skip", strings.Join(slices.Collect(maps.Keys(p.skips)), "|"))
	}
	return append(args, "./...")
}

// fetch returns where the module is, in the module cache.
func fetch(t *testing.T, p program) string {
	t.Helper()
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(goCommand(t, ".", "mod", "download", "-json", p.path+"@"+p.version)), &module); err != nil {
		t.Fatal(err)
	}
	return module.Dir
}

// copyTree copies a module to where it can be changed. Module archives have no modes:
// scripts are made executable again.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	eachFile(t, to, func(file string) {
		if strings.HasPrefix(read(t, file), "#!") {
			if err := os.Chmod(file, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// moveOver replaces the import in all Go files, those of test data too.
func moveOver(t *testing.T, dir string) {
	t.Helper()
	moved := 0
	eachFile(t, dir, func(file string) {
		if !strings.HasSuffix(file, ".go") {
			return
		}
		text := read(t, file)
		if replaced := replaced(t, text, movedOver); replaced != text {
			write(t, file, replaced)
			moved++
		}
	})
	if moved == 0 {
		t.Fatal("no file imports os/exec")
	}
	t.Logf("the import was changed in %d files", moved)
}

func eachFile(t *testing.T, dir string, do func(file string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			do(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func apply(t *testing.T, dir string, edits []edit) {
	t.Helper()
	for _, e := range edits {
		file := filepath.Join(dir, e.file)
		text := read(t, file)
		if strings.Count(text, e.old) != 1 {
			t.Fatalf("%s has not once what is to be replaced: %s", e.file, e.old)
		}
		write(t, file, strings.Replace(text, e.old, strings.ReplaceAll(e.replacement, "$autokill", root(t)), 1))
	}
}

// require lets the module in dir use this one. What both need is taken in the newer
// version.
func require(t *testing.T, dir string) {
	t.Helper()
	goCommand(t, dir, "mod", "edit", "-require="+module+"@v0.0.0", "-replace="+module+"="+root(t))
	goCommand(t, dir, "list", "-mod=mod", "-deps", "-test", "./...")
}
