//go:build linux && (amd64 || arm64)

package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
)

// wrappers are commands that run another one, which dies with them.
var wrappers = []struct {
	name string
	argv []string
}{
	{"setpriv", []string{"setpriv", "--pdeathsig", "KILL"}},
	{"bwrap", []string{"bwrap", "--die-with-parent", "--dev-bind", "/", "/"}},
	{"tini", []string{"tini", "-s", "-p", "SIGKILL", "--"}},
	{"unshare", []string{"unshare", "--fork", "--kill-child"}},
}

// command builds the command autokill.
func command(tb testing.TB) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "autokill")
	build := exec.Command("go", "build", "-o", file, "./cmd/autokill")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return file
}

// BenchmarkRun runs `true` by commands, which are started by c/floor.c.
func BenchmarkRun(b *testing.B) {
	autokill, times := command(b), many(2, 1)
	const oursHere = "autokill run --scope process"
	contenders := []*beside.Contender{floor(b, oursHere, times, autokill, "run", "--scope", "process", "--", truth)}
	for _, w := range wrappers {
		if have(b, w.argv[0]) {
			contenders = append(contenders, floor(b, w.name, times, append(w.argv, truth)...))
		}
	}
	contenders = append(
		contenders,
		floor(b, "autokill run", times, autokill, "run", "--", truth),
		floor(b, "autokill run --scope pidns", times, autokill, "run", "--scope", "pidns", "--", truth),
		floor(b, "nothing", times, truth),
	)
	if contenders[0] == nil {
		b.Skip("needs a C compiler")
	}
	race(b, many(5, 1), contenders, against(contenders)...)
}

// TestWrapperMemory looks at what `autokill run` has for itself while it waits.
func TestWrapperMemory(t *testing.T) {
	cmd := exec.Command(command(t), "run", "--scope", "process", "--", "cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(stdin, "word"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "word\n" {
		t.Fatalf("%q, %v", line, err) // cat runs
	}
	settled(t, cmd.Process.Pid)
	anonymous := statusKB(t, cmd.Process.Pid, "RssAnon")
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	keep(t, record.Result{Unit: "bytes", Values: []record.Value{{Name: "autokill run", Spread: beside.Exactly(float64(anonymous))}}})
}

// statusKB is a field of /proc/PID/status that is in kB (proc(5)), in bytes.
func statusKB(tb testing.TB, pid int, field string) int64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Fatal(err)
	}
	return inKB(tb, string(text), field)
}

// inKB is a line "FIELD: N kB" of a text, in bytes.
func inKB(tb testing.TB, text, field string) int64 {
	tb.Helper()
	for line := range strings.Lines(text) {
		var n int64
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			if _, err := fmt.Sscanf(strings.TrimSpace(value), "%d kB", &n); err != nil {
				tb.Fatalf("%q: %v", line, err)
			}
			return n << 10
		}
	}
	tb.Fatalf("no %s in:\n%s", field, text)
	return 0
}
