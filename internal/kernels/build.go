package kernels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// The module that is tested, and this package in it.
const (
	module  = "github.com/autokill/autokill"
	ownPath = module + "/internal/kernels"
)

// aside are the packages that a kernel does not matter to: the matrix itself, and what
// runs other people's programs, which the machines do not have.
var aside = []string{ownPath, module + "/autokilltest", module + "/internal/model", module + "/internal/mutations", module + "/internal/moveover", module + "/internal/programs", module + "/examples/any-language"}

// A TestBinary is the compiled tests of one package.
type TestBinary struct {
	Package string // import path
	Dir     string // of the package, below the module's directory, with slashes
	File    string
}

// Binaries is what Build made.
type Binaries struct {
	Root  string // the module's directory
	Init  string // process 1 of the machine
	Tests []TestBinary
}

// Build compiles our init and the tests of the packages that the patterns
// name into the directory dir. The go command runs in the current directory: that may be in a
// module below this one that requires it. Packages without tests are left out, and so are
// those set aside that are not named themselves. An overlay is a file with replacements of sources, as the go command
// takes it.
func Build(ctx context.Context, arch Arch, patterns []string, overlay, dir string) (Binaries, error) {
	tool := goTool{ctx: ctx, arch: arch, overlay: overlay}
	root, err := tool.output("list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return Binaries{}, err
	}
	built := Binaries{Root: strings.TrimSpace(root), Init: filepath.Join(dir, "init-"+arch.Name)}
	listed, err := tool.output(append([]string{
		"list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}\t{{.Dir}}{{end}}",
	}, patterns...)...)
	if err != nil {
		return Binaries{}, err
	}
	for line := range strings.Lines(listed) {
		path, where, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		rel, err := filepath.Rel(built.Root, where)
		if err != nil {
			return Binaries{}, err
		}
		isAside := slices.ContainsFunc(aside, func(a string) bool { return path == a || strings.HasPrefix(path, a+"/") })
		if isAside && !slices.Contains(patterns, "./"+filepath.ToSlash(rel)) {
			continue
		}
		built.Tests = append(built.Tests, TestBinary{
			Package: path,
			Dir:     filepath.ToSlash(rel),
			// Two packages may have the same last element.
			File: filepath.Join(dir, fmt.Sprintf("%d-%s-%s.test", len(built.Tests), filepath.Base(where), arch.Name)),
		})
	}
	if len(built.Tests) == 0 {
		return Binaries{}, fmt.Errorf("no package of %s has tests", strings.Join(patterns, " "))
	}
	return built, tool.compile(built)
}

// goTool runs the go command for the architecture of the machine. Without cgo
// what it builds is static.
type goTool struct {
	ctx     context.Context
	arch    Arch
	overlay string // of the tests
}

func (t goTool) output(args ...string) (string, error) {
	cmd := exec.CommandContext(t.ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+t.arch.Name)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return string(out), nil
}

// compile links as many binaries at once as there are processors: go test -c
// of many packages in one command refuses two of the same name.
func (t goTool) compile(built Binaries) error {
	const stripped = "-ldflags=-s -w" // smaller to load; stack traces do not need what is left out
	commands := [][]string{{"build", stripped, "-o", built.Init, ownPath + "/init"}}
	for _, b := range built.Tests {
		commands = append(commands, []string{"test", "-c", "-overlay=" + t.overlay, stripped, "-o", b.File, b.Package})
	}
	failures := make([]error, len(commands))
	slots := make(chan struct{}, runtime.NumCPU())
	var all sync.WaitGroup
	for i, command := range commands {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			_, failures[i] = t.output(command...)
		})
	}
	all.Wait()
	return errors.Join(failures...)
}
