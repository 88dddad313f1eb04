//go:build linux

package programs

import (
	"flag"
	"testing"

	"github.com/autokill/autokill/internal/evidence"
)

var update = flag.Bool("update", false, "write the tables into docs/trees.md")

const document = "../../docs/trees.md"

// publish prints a table, and writes it into the document if that is wanted.
func publish(t *testing.T, name, table string) {
	t.Helper()
	t.Logf("%s:\n%s", name, table)
	if !*update || t.Failed() {
		return
	}
	if err := evidence.Put(document, name, table); err != nil {
		t.Fatal(err)
	}
}

// published is the table as the document has it.
func published(t *testing.T, name string) string {
	t.Helper()
	table, err := evidence.Get(document, name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
