package autokill_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/autokill/autokill"

// lattice says which of our own packages each package may import, tests left out,
// and which modules beyond. Nothing points back.
var lattice = map[string]struct{ own, modules []string }{
	"internal/nofile":     {},
	"internal/clone":      {own: []string{"internal/nofile"}, modules: []string{"golang.org/x/sys"}},
	"internal/descriptor": {},
	"pidfd":               {own: []string{"internal/clone", "internal/descriptor", "internal/nofile"}, modules: []string{"golang.org/x/sys"}},
	"internal/seal":       {modules: []string{"golang.org/x/sys"}},
	"internal/elf":        {},
	"internal/racer":      {own: []string{"internal/elf"}},
	"internal/pidns":      {own: []string{"internal/clone", "internal/elf"}, modules: []string{"golang.org/x/sys"}},
	"internal/mark":       {},
	"internal/bond":       {own: []string{"internal/clone", "internal/descriptor", "internal/mark", "internal/pidns", "internal/seal", "pidfd"}, modules: []string{"golang.org/x/sys"}},
	".":                   {own: []string{"internal/bond", "internal/clone", "internal/nofile", "pidfd"}, modules: []string{"golang.org/x/sys"}},
	"internal/testproc": {own: []string{"internal/kernels/guest"}, modules: []string{
		"golang.org/x/sys", "github.com/elastic/go-seccomp-bpf", "github.com/moby/profiles/seccomp", "github.com/opencontainers/runtime-spec",
	}},
	"internal/evidence": {},
	"internal/model":    {},
	"internal/fault":    {modules: []string{"golang.org/x/sys", "golang.org/x/net/bpf", "github.com/elastic/go-seccomp-bpf"}},
	"autokilltest":      {own: []string{".", "pidfd", "internal/model", "internal/fault", "internal/testproc", "internal/evidence"}, modules: []string{"golang.org/x/sys"}},
	"internal/siginfo":  {modules: []string{"golang.org/x/sys"}},
	"internal/sigign":   {},
	"internal/handles":  {own: []string{"internal/mark"}, modules: []string{"golang.org/x/sys"}},
	"internal/cli":      {own: []string{".", "internal/bond", "internal/clone", "pidfd", "internal/handles", "internal/siginfo", "internal/sigign"}, modules: []string{"golang.org/x/sys", "github.com/spf13/cobra", "github.com/spf13/pflag"}},
	"cmd/autokill":      {own: []string{"internal/cli"}},

	"examples/any-language":   {}, // tests only
	"internal/programs":       {}, // tests only
	"internal/kernels":        {own: []string{"internal/evidence", "internal/kernels/guest"}, modules: []string{"golang.org/x/sys"}},
	"internal/kernels/guest":  {},
	"internal/kernels/init":   {own: []string{"internal/kernels/guest"}, modules: []string{"golang.org/x/sys"}},
	"internal/kernels/matrix": {own: []string{"internal/evidence", "internal/kernels", "internal/kernels/guest"}},

	"internal/moveover":  {},
	"internal/mutations": {}, // tests only

	"examples/handover": {own: []string{"."}},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs the go command")
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		room := inModule(p.ImportPath)
		seen[room] = true
		allowed, ok := lattice[room]
		if !ok {
			t.Errorf("%s has no place in the lattice", room)
			continue
		}
		for _, imported := range p.Imports {
			switch {
			case imported == module, strings.HasPrefix(imported, module+"/"):
				if !slices.Contains(allowed.own, inModule(imported)) {
					t.Errorf("%s may not import %s", room, inModule(imported))
				}
			case strings.Contains(strings.Split(imported, "/")[0], "."):
				if !slices.ContainsFunc(allowed.modules, func(m string) bool {
					return imported == m || strings.HasPrefix(imported, m+"/")
				}) {
					t.Errorf("%s may not import %s", room, imported)
				}
			}
		}
	}
	for room := range lattice {
		if !seen[room] {
			t.Errorf("%s is in the lattice and nowhere else", room)
		}
	}
}

func inModule(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}
