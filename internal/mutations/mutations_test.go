//go:build linux && (amd64 || arm64)

package mutations

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/testproc"
)

// mutation is a defect.
type mutation struct {
	name     string
	file     string // below the module's directory
	old, new string // old is there once
	pkg      string // whose test catches it
	test     string // which, as go test's -run
	often    bool   // caught in every run: that takes a moment only
}

const root = "../.."

// header is that of the table in docs/evidence.md.
var header = []string{"mutation", "file", "caught by"}

func TestMain(m *testing.M) { testproc.Main(m, nil) }

// everyList is the whole of what is known.
func everyList() []mutation {
	var all []mutation
	for _, list := range [][]mutation{tripwires, scopes, choices, travelling, endings, starts, denied, natives} {
		all = append(all, list...)
	}
	return all
}

// TestMutationsFit: each is one of the code as it is.
func TestMutationsFit(t *testing.T) {
	names := map[string]bool{}
	for _, m := range everyList() {
		if names[m.name] {
			t.Errorf("%s: the name is there twice", m.name)
		}
		names[m.name] = true
		if _, err := m.source(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

// TestMutations: what the host's kernel can show. A run takes a few that are soon built;
// for docs/evidence.md all are tried, and the tests are run without them, too.
func TestMutations(t *testing.T) {
	var chosen []mutation
	for _, m := range everyList() {
		if m.native() {
			continue
		}
		if m.often || evidence.Wanted() {
			chosen = append(chosen, m)
		}
	}
	binaries := t.TempDir()
	t.Cleanup(killOrphans) // of tests that have failed, as they should
	sound := map[[2]string]bool{}
	if evidence.Wanted() {
		sound = withoutMutations(t, binaries, chosen)
	}
	caught := make([]string, len(chosen))
	t.Run("each", func(t *testing.T) {
		for i, m := range chosen {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				if shown, asked := sound[m.caughtBy()]; asked && !shown {
					caught[i] = "not tried: the test is skipped here"
					t.Skip(caught[i])
				}
				binary := filepath.Join(binaries, strings.ReplaceAll(m.name, " ", "_"))
				build(t, m, binary, "-overlay", m.overlay(t))
				out, err := run(t, m, binary)
				switch {
				case err == nil:
					caught[i] = "**not caught**"
					t.Errorf("%s passes all the same:\n%s", m.test, out)
				case !strings.Contains(out, "=== RUN"):
					t.Errorf("%s was not run: %v\n%s", m.test, err, out)
				default:
					caught[i] = m.catcher()
				}
				_ = os.Remove(binary)
			})
		}
	})
	var rows [][]string
	for i, m := range chosen {
		rows = append(rows, []string{m.name, m.file, caught[i]})
	}
	evidence.Table(t, "mutations", header, rows)
}

// withoutMutations runs the tests with the library as it is, where they must pass. It says
// which of them were not skipped.
func withoutMutations(t *testing.T, dir string, mutations []mutation) map[[2]string]bool {
	t.Helper()
	sound := map[[2]string]bool{}
	built := map[string]string{}
	for _, m := range mutations {
		if _, done := sound[m.caughtBy()]; done {
			continue
		}
		binary, done := built[m.pkg]
		if !done {
			binary = filepath.Join(dir, "sound_"+strings.ReplaceAll(m.pkg, "/", "_"))
			build(t, m, binary)
			built[m.pkg] = binary
		}
		out, err := run(t, m, binary)
		if err != nil || strings.Contains(out, "no tests to run") {
			t.Errorf("%s of %s fails without a mutation: %v\n%s", m.test, m.pkg, err, out)
		}
		sound[m.caughtBy()] = !strings.Contains(out, "--- SKIP")
	}
	return sound
}
