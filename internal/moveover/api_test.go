//go:build linux && (amd64 || arm64)

package moveover

import (
	"bufio"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
)

// counterparts renames the types that a program that moves over finds in autokill.
var counterparts = strings.NewReplacer(
	"os.ProcessState", "autokill.ProcessState",
	"os.Process", "autokill.Process",
)

// TestAPI compares what os/exec of the Go at hand exports with what autokill does:
// every function, variable, type, field and method, with its type.
func TestAPI(t *testing.T) {
	needGo(t)
	if testing.Short() {
		t.Skip("compiles what has not been compiled yet: without -short")
	}
	packages := exports(t, "os", "os/exec", module)
	theirs, ours := packages["os/exec"].Scope(), packages[module].Scope()
	for _, name := range theirs.Names() {
		if object := theirs.Lookup(name); object.Exported() {
			compareObject(t, name, object, ours.Lookup(name))
		}
	}
	for _, name := range []string{"Process", "ProcessState"} {
		compareObject(t, name, packages["os"].Scope().Lookup(name), ours.Lookup(name))
	}
}

func compareObject(t *testing.T, name string, their, our types.Object) {
	if our == nil {
		t.Errorf("%s is missing: %s", name, spell(their))
		return
	}
	if reflect.TypeOf(their) != reflect.TypeOf(our) || spell(their) != spell(our) {
		t.Errorf("%s is %s, with os/exec it is %s", name, spell(our), spell(their))
	}
	if _, ok := their.(*types.TypeName); !ok {
		return
	}
	ourMembers := members(our.Type())
	for member, object := range members(their.Type()) {
		compareObject(t, name+"."+member, object, ourMembers[member])
	}
}

// members are the exported fields and methods of a type and of a pointer to it.
func members(of types.Type) map[string]types.Object {
	all := map[string]types.Object{}
	if fields, ok := of.Underlying().(*types.Struct); ok {
		for field := range fields.Fields() {
			if field.Exported() {
				all[field.Name()] = field
			}
		}
	}
	for method := range types.NewMethodSet(types.NewPointer(of)).Methods() {
		if method.Obj().Exported() {
			all[method.Obj().Name()] = method.Obj()
		}
	}
	return all
}

// spell is the type of an object in words that are the same in both packages.
func spell(object types.Object) string {
	text := types.TypeString(unnamed(object.Type()), func(p *types.Package) string {
		if p.Path() == "os/exec" {
			return "autokill"
		}
		return p.Name()
	})
	return counterparts.Replace(text)
}

// unnamed is a type without the names of parameters.
func unnamed(t types.Type) types.Type {
	signature, ok := t.(*types.Signature)
	if !ok {
		return t
	}
	strip := func(tuple *types.Tuple) *types.Tuple {
		var all []*types.Var
		for v := range tuple.Variables() {
			all = append(all, types.NewParam(v.Pos(), v.Pkg(), "", unnamed(v.Type())))
		}
		return types.NewTuple(all...)
	}
	return types.NewSignatureType(nil, nil, nil, strip(signature.Params()), strip(signature.Results()), signature.Variadic())
}

// exports loads packages as the compiler wrote them.
func exports(t *testing.T, paths ...string) map[string]*types.Package {
	t.Helper()
	files := map[string]string{}
	list := goCommand(t, ".", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, paths...)...)
	for lines := bufio.NewScanner(strings.NewReader(list)); lines.Scan(); {
		path, file, _ := strings.Cut(lines.Text(), " ")
		files[path] = file
	}
	load := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	packages := map[string]*types.Package{}
	for _, path := range paths {
		p, err := load.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		packages[path] = p
	}
	return packages
}
