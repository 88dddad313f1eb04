package moveover

import (
	"os"
	"strings"
	"testing"
)

// program is a module that uses os/exec.
type program struct {
	path, version string
	// skips are tests that are not run, as patterns for -skip, and why.
	skips map[string]string
	// preparations are needed to run the tests here, with os/exec too.
	preparations []edit
	// adaptations are needed to move over, besides the import.
	adaptations []edit
}

// edit is a text that is in a file once, what takes its place, with $autokill for where
// this module is, and why: for an adaptation a heading of docs/from-os-exec.md.
type edit struct{ file, old, replacement, why string }

var programs = []program{
	{
		path: "github.com/rogpeppe/go-internal", version: "v1.16.0",
		skips: map[string]string{
			"^TestScripts$/^list$":                             "needs a file that is not in the module's archive",
			"^TestLatest$/^release_preferred_over_prerelease$": "needs a file that is not in the module's archive",
		},
		preparations: []edit{{
			"gotooltest/testdata/cover.txt",
			"${GOINTERNAL_MODULE}", "${GOINTERNAL_MODULE} -replace=" + module + "=$autokill",
			"makes a module that needs what go-internal's go.mod names: autokill is here and in no proxy",
		}},
		adaptations: []edit{{
			"testscript/testscript.go",
			"func interruptProcess(p *os.Process)", "func interruptProcess(p *exec.Process)",
			"Types",
		}},
	},
	{path: "github.com/hashicorp/go-plugin", version: "v1.8.0"},
	{
		path: "github.com/magefile/mage", version: "v1.17.2",
		skips: map[string]string{"^TestRelease$": "needs the module's git repository, and compiles goreleaser"},
	},
	{
		path: "github.com/go-cmd/cmd", version: "v1.4.4",
		adaptations: []edit{{
			"cmd.go",
			`fmt.Sprintf("%T", err) == "*exec.ExitError"`, `fmt.Sprintf("%T", err) == "*autokill.ExitError"`,
			"Types",
		}},
	},
}

// differences are all tests that do not end as with os/exec, by program.
var differences = map[string][]known{
	"os/exec": {
		// It wants a grandchild that outlives the child. That was started with autokill, too.
		{difference{test{"osexec", "TestWaitInterrupt/Exit-hang"}, pass, fail}, "Children that are to stay"},
	},
}

// known is a difference, and the heading of docs/from-os-exec.md under which it is
// explained.
type known struct {
	difference
	why string
}

// module is ours.
const module = "github.com/autokill/autokill"

// TestDocumented holds the page against the tables here.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/from-os-exec.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	says := func(what string) {
		t.Helper()
		if !strings.Contains(page, what) {
			t.Errorf("docs/from-os-exec.md does not say %q", what)
		}
	}
	for _, p := range programs {
		says(p.path + " " + p.version)
		for _, a := range p.adaptations {
			says("\n### " + a.why + "\n")
		}
	}
	for program, all := range differences {
		says(program)
		for _, d := range all {
			says("`" + d.name + "`")
			says("\n### " + d.why + "\n")
		}
	}
}
