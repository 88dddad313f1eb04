// Package evidence is how tests tell what they saw: in tables, which `make evidence`
// collects from here and from virtual machines into docs/evidence.md.
package evidence

import (
	"os"
	"strings"
	"testing"
)

// Variable is set in the environment of tests that run for docs/evidence.md.
const Variable = "AUTOKILL_EVIDENCE"

// Mark begins a line of a test's log with which a table begins: the name of its section follows.
const Mark = "evidence: "

// Wanted reports whether a test runs for docs/evidence.md: then it takes the time that
// its full length needs. Everywhere else a minute is much.
func Wanted() bool { return os.Getenv(Variable) != "" }

// Table logs what a test saw as the table of a section. Sections of the same name from
// other kernels and users stand side by side in the document.
func Table(t testing.TB, section string, header []string, rows [][]string) {
	t.Helper()
	var text strings.Builder
	text.WriteString(Mark + section + "\n" + row(header))
	text.WriteString(strings.Repeat("|---", len(header)) + "|\n")
	for _, cells := range rows {
		if len(cells) != len(header) {
			t.Errorf("evidence of %s: a row has %d cells, not %d: %q", section, len(cells), len(header), cells)
		}
		text.WriteString(row(cells))
	}
	t.Log(text.String())
}

// row is a line of a table. What would end a cell or the line is written otherwise.
func row(cells []string) string {
	safe := make([]string, len(cells))
	for i, cell := range cells {
		safe[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell)
	}
	return "| " + strings.Join(safe, " | ") + " |\n"
}
