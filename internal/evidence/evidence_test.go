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
	want := "\n**root**\n\n| call | outcome |\n|---|---|\n| socket | an error |\n| pipe2 | an error |\n\nToday.\n" +
		"\n**user**\n\n| call | outcome |\n|---|---|\n| socket | another |\n\nToday.\n"
	if got := c.Markdown("faults", "Today."); got != want {
		t.Errorf("faults:\n%s\nwant\n%s", got, want)
	}
	if got, want := c.Markdown("closes", "Today."), "\n**root**\n\n| lost |\n|---|\n| 0 |\n\nToday.\n"; got != want {
		t.Errorf("closes:\n%s\nwant\n%s", got, want)
	}
}

func TestMerge(t *testing.T) {
	const (
		hostRoot = "\n**Linux 6.18.44, amd64, as root**\n\n| a |\n\nMonday.\n"
		hostUser = "\n**Linux 6.18.44, amd64, as user**\n\n| b |\n\n**Linux 6.18.44, amd64, as user**: more\n\n| c |\n\nMonday.\n"
		rootOf73 = "\n**Linux 7.3.4+deb13-cloud-amd64, amd64, as root**\n\n| d |\n\nMonday.\n"
		newer    = "\n**Linux 7.3.5, amd64, as root**\n\n| e |\n\nTuesday.\n\n**Linux 7.3.5, amd64, as user**\n\n| f |\n\nTuesday.\n"
		newHost  = "\n**Linux 6.18.44, amd64, as user**\n\n| g |\n\nTuesday.\n"
	)
	for _, tt := range []struct{ name, old, fresh, want string }{
		{"the first run", "", newer, newer},
		{"another kernel", hostRoot + hostUser, newer, hostRoot + hostUser + newer},
		{"a later release", hostRoot + rootOf73 + hostUser, newer, hostRoot + newer[:strings.Index(newer, "\n**Linux 7.3.5, amd64, as user")] + hostUser + newer[strings.Index(newer, "\n**Linux 7.3.5, amd64, as user"):]},
		{"two tables of one user", hostRoot + hostUser + rootOf73, newHost, hostRoot + newHost + rootOf73},
		{"nothing new", hostRoot, "", hostRoot},
	} {
		if got := Merge(tt.old, tt.fresh); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
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
