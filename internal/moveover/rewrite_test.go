package moveover

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// movedOver are the changed imports of a program that moves over.
var movedOver = map[string]string{"os/exec": "github.com/autokill/autokill"}

// replaceImports changes imports of a Go file and nothing else: old path to new path.
// The file goes on to use the name that it used.
func replaceImports(src string, paths map[string]string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", src, parser.ImportsOnly)
	if err != nil {
		return "", err
	}
	// From the end, so that the positions of the rest stay true.
	for _, spec := range slices.Backward(file.Imports) {
		old, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return "", err
		}
		replacement, ok := paths[old]
		if !ok {
			continue
		}
		name := path.Base(old)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		src = src[:offset(file, spec.Pos())] + name + " " + strconv.Quote(replacement) + src[offset(file, spec.Path.End()):]
	}
	return src, nil
}

func offset(file *ast.File, pos token.Pos) int { return int(pos - file.FileStart) }

func TestReplaceImports(t *testing.T) {
	for _, test := range []struct{ name, src, want string }{
		{"alone", `import "os/exec"`, `import exec "github.com/autokill/autokill"`},
		{"in a block", "import (\n\t\"os\"\n\t\"os/exec\"\n)", "import (\n\t\"os\"\n\texec \"github.com/autokill/autokill\"\n)"},
		{"with a name", `import osexec "os/exec"`, `import osexec "github.com/autokill/autokill"`},
		{"dot", `import . "os/exec"`, `import . "github.com/autokill/autokill"`},
		{"only the import", "import `os/exec`\n\nconst name = \"os/exec\"", "import exec \"github.com/autokill/autokill\"\n\nconst name = \"os/exec\""},
		{"two", "import a \"os/exec\"\nimport b \"os/exec\"", "import a \"github.com/autokill/autokill\"\nimport b \"github.com/autokill/autokill\""},
		{"comments stay", "import (\n\t// of commands\n\t\"os/exec\" // too\n)", "import (\n\t// of commands\n\texec \"github.com/autokill/autokill\" // too\n)"},
		{"another package", `import "os/exec/internal/fdtest"`, `import "os/exec/internal/fdtest"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			const head = "// Doc.\npackage p\n\n"
			got, err := replaceImports(head+test.src, movedOver)
			if err != nil {
				t.Fatal(err)
			}
			if got = strings.TrimPrefix(got, head); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
