//go:build linux && (amd64 || arm64)

package moveover

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// attempts is how often a failing test is run: there are tests among these that fail
// now and then on a busy machine, also with os/exec. What passes once has passed.
const attempts = 5

// run are the results of a run of go test.
type run struct {
	results  map[test]outcome
	output   map[test]string
	unsteady []test // failed and passed later
}

// needGo skips where there is no go command.
func needGo(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs the go command")
	}
}

// goCommand runs the go command and returns what it prints.
func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := goTool(t, dir, args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderrOf(err))
	}
	return strings.TrimSpace(string(out))
}

// goTool is the go command, without go vet: that would be stricter with the Go version
// of our go.mod than with theirs.
func goTool(t *testing.T, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOWORK=off", "GOFLAGS="+os.Getenv("GOFLAGS")+" -vet=off")
	return cmd
}

func stderrOf(err error) []byte {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.Stderr
	}
	return nil
}

// goTest runs the tests in dir, those that fail several times.
func goTest(t *testing.T, dir string, args ...string) run {
	t.Helper()
	all := goTestOnce(t, dir, args...)
	for range attempts - 1 {
		for pkg, names := range failures(all.results) {
			again := goTestOnce(t, dir, append(slices.Clone(args[:len(args)-1]), "-run", names, pkg)...)
			all.merge(again)
		}
	}
	return all
}

// sound says that tests were run, that all have passed, and that no package has failed, as one
// does that cannot be built.
func (r run) sound() bool {
	failed := slices.Contains(slices.Collect(maps.Values(r.results)), fail)
	return count(r.results, pass) > 0 && count(r.results, skip) == 0 && !failed
}

// failures are the tests that have failed, by package, as a pattern for -run.
func failures(results map[test]outcome) map[string]string {
	names := map[string][]string{}
	for t, outcome := range results {
		if outcome == fail && t.name != "" && !strings.Contains(t.name, "/") {
			names[t.pkg] = append(names[t.pkg], regexp.QuoteMeta(t.name))
		}
	}
	patterns := map[string]string{}
	for pkg, names := range names {
		patterns[pkg] = "^(" + strings.Join(names, "|") + ")$"
	}
	return patterns
}

func (r *run) merge(again run) {
	for t, outcome := range again.results {
		if outcome == pass && r.results[t] == fail {
			r.results[t] = pass
			r.unsteady = append(r.unsteady, t)
		}
	}
}

// goTestOnce runs go test with these arguments, of which the last are the packages.
func goTestOnce(t *testing.T, dir string, args ...string) run {
	t.Helper()
	args = append([]string{"test", "-json", "-count=1"}, args...)
	cmd := goTool(t, dir, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	// Exit status 1 says that tests have failed, which the events say too.
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	r := run{results: map[test]outcome{}, output: map[test]string{}}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var event struct{ Action, Package, ImportPath, Test, Output, FailedBuild string }
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		// What the compiler says comes with an ImportPath "pkg [pkg.test]".
		pkg, _, _ := strings.Cut(event.Package+event.ImportPath, " ")
		it := test{pkg, event.Test}
		if event.FailedBuild != "" {
			t.Fatalf("%s does not compile:\n%s", pkg, r.output[it])
		}
		switch action := outcome(event.Action); action {
		case pass, fail, skip:
			r.results[it] = action
		default:
			r.output[it] += event.Output
		}
	}
	if len(r.results) == 0 {
		t.Fatalf("go %s has run nothing", strings.Join(args, " "))
	}
	return r
}
