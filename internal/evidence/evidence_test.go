package evidence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// log is what two users' tests log: one has two subjects, and the other none of the second section.
var log = []struct{ by, line string }{
	{"root", "=== RUN   TestX"},
	{"root", "    x_test.go:12: evidence: faults"},
	{"root", "        | call | outcome |"},
	{"root", "        |---|---|"},
	{"root", "        | socket | an error |"},
	{"root", "    x_test.go:12: | no | row |"},
	{"root", "    x_test.go:12: evidence: faults"},
	{"root", "        | call | outcome |"},
	{"root", "        |---|---|"},
	{"root", "        | pipe2 | an error |"},
	{"root", "    x_test.go:13: evidence: closes"},
	{"root", "        | lost |"},
	{"root", "        |---|"},
	{"root", "        | 0 |"},
	{"root", "=== RUN   TestY"},
	{"root", "        | 1 |"},
	{"user", "    x_test.go:12: evidence: faults"},
	{"user", "        | call | outcome |"},
	{"user", "        |---|---|"},
	{"user", "        | socket | another |"},
	{"user", "--- PASS: TestX (0.00s)"},
}

func TestCollection(t *testing.T) {
	var c Collection
	for _, l := range log {
		c.Line(l.by, l.line)
	}
	if got := strings.Join(c.Sections(), ","); got != "faults,closes" {
		t.Errorf("sections %s", got)
	}
	want := "\n**root**\n\n| call | outcome |\n|---|---|\n| socket | an error |\n| pipe2 | an error |\n" +
		"\n**user**\n\n| call | outcome |\n|---|---|\n| socket | another |\n"
	if got := c.Markdown("faults"); got != want {
		t.Errorf("faults:\n%s\nwant\n%s", got, want)
	}
	if got, want := c.Markdown("closes"), "\n**root**\n\n| lost |\n|---|\n| 0 |\n"; got != want {
		t.Errorf("closes:\n%s\nwant\n%s", got, want)
	}
}

func TestPut(t *testing.T) {
	document := filepath.Join(t.TempDir(), "x.md")
	text := "# Title\n<!-- begin a -->\nold\n<!-- end a -->\n<!-- begin b -->\nstays\n<!-- end b -->\nend\n"
	if err := os.WriteFile(document, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Put(document, "a", "new\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(document)
	if want := strings.Replace(text, "old", "new", 1); err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if got, err := Get(document, "b"); got != "stays\n" || err != nil {
		t.Errorf("b: %q, %v", got, err)
	}
	if err := Put(document, "c", "new\n"); err == nil || !strings.Contains(err.Error(), "begin c") {
		t.Errorf("a section that is not there: %v", err)
	}
}
