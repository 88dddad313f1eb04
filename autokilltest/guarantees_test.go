package autokilltest

import (
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/autokill/autokill/internal/model"
)

var update = flag.Bool("update", false, "write docs/guarantees.md")

const (
	contractFile   = "../docs/contract.md"
	guaranteesFile = "../docs/guarantees.md"
)

// TestGuarantees: the page is what the model says, with a place for every clause of the
// contract, and the tests that it names are there.
func TestGuarantees(t *testing.T) {
	contract, err := os.ReadFile(contractFile)
	if err != nil {
		t.Skipf("needs the documents: %v", err)
	}
	tests := everyTest(t)
	var ids []string
	for _, c := range model.Clauses() {
		ids = append(ids, c.ID)
		for _, name := range c.Tests {
			if !tests[name] {
				t.Errorf("%s: there is no test %s", c.ID, name)
			}
		}
	}
	var written []string
	for _, match := range regexp.MustCompile(`(?m)^\*\*([LPERB]\d)\*\* `).FindAllSubmatch(contract, -1) {
		written = append(written, string(match[1]))
	}
	if !slices.Equal(ids, written) {
		t.Errorf("the clauses are %v, those of the contract %v", ids, written)
	}

	want := model.Guarantees(slices.Sorted(maps.Keys(tests)))
	if *update {
		if err := os.WriteFile(guaranteesFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(guaranteesFile); err != nil || string(got) != want {
		t.Errorf("%s is not what the model says (%v): run this test with -args -update", guaranteesFile, err)
	}
}

// everyTest are the names of those that there are: functions, and clauses of the suite.
func everyTest(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	named := regexp.MustCompile(`(?m)^(?:func |\s*\{")((?:Test|Fuzz)\w+)[("]`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range named.FindAllSubmatch(text, -1) {
			names[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
