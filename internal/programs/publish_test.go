//go:build linux

package programs

import (
	"flag"
	"os"
	"strings"
	"testing"
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
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, _, after, ok := cutTable(string(text), name)
	if !ok {
		t.Fatalf("%s has no place for the table %s", document, name)
	}
	if err := os.WriteFile(document, []byte(before+table+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// published is the table as the document has it.
func published(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _, ok := cutTable(string(text), name)
	if !ok {
		t.Fatalf("%s has no table %s", document, name)
	}
	return table
}

// cutTable finds the lines between two comments.
func cutTable(text, name string) (before, table, after string, ok bool) {
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	before, rest, found := strings.Cut(text, begin)
	table, after, closed := strings.Cut(rest, end)
	return before + begin, table, end + after, found && closed
}
