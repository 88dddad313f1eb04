//go:build linux && (amd64 || arm64)

package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autokill/autokill/bench/beside"
)

// packages are those of Debian in which the programs are that take part.
var packages = map[string]string{
	"gcc":     "gcc (and libc6-dev)",
	"bwrap":   "bubblewrap",
	"tini":    "tini",
	"setpriv": "util-linux",
	"unshare": "util-linux",
}

// have says whether a program is there. Where AUTOKILL_PROGRAMS is "all" it must be.
func have(tb testing.TB, program string) bool {
	tb.Helper()
	_, err := exec.LookPath(program)
	if err == nil {
		return true
	}
	complaint := fmt.Sprintf("no %s, which is in the Debian package %s", program, packages[program])
	if os.Getenv("AUTOKILL_PROGRAMS") == "all" {
		tb.Fatal(complaint + ", although AUTOKILL_PROGRAMS=all")
	}
	tb.Log(complaint + ": left out")
	return false
}

// compiled is a program of the folder c. Everybody may start it.
func compiled(tb testing.TB, name string) (file string, ok bool) {
	tb.Helper()
	if !have(tb, "gcc") {
		return "", false
	}
	dir := tb.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		tb.Fatal(err)
	}
	file = filepath.Join(dir, name)
	if out, err := exec.Command("gcc", "-O2", "-static", "-o", file, filepath.Join("c", name+".c")).CombinedOutput(); err != nil {
		tb.Fatalf("gcc: %v\n%s", err, out)
	}
	return file, true
}

// sleeper is a command that stays.
func sleeper(tb testing.TB) []string {
	tb.Helper()
	if file, ok := compiled(tb, "pause"); ok {
		return []string{file}
	}
	return []string{"/bin/sleep", "1000"}
}

// floor is a contender that starts a program by c/floor.c, or nil if it cannot be compiled or
// a program is missing.
func floor(b *testing.B, name string, times int, argv ...string) *beside.Contender {
	b.Helper()
	return floorWith(b, nil, name, times, argv...)
}

// floorWith is floor with options of c/floor.c.
func floorWith(b *testing.B, options []string, name string, times int, argv ...string) *beside.Contender {
	b.Helper()
	program, ok := compiled(b, "floor")
	if !ok {
		return nil
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, slices.Concat(options, []string{path}, argv[1:])...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			b.Errorf("%s: %v", name, err)
		}
	})
	answers := bufio.NewReader(stdout)
	return &beside.Contender{Name: name, Turns: times, Block: true, Take: func(n int) (time.Duration, error) {
		if _, err := fmt.Fprintln(stdin, n); err != nil {
			return 0, err
		}
		return nanoseconds(answers)
	}}
}

// nanoseconds reads a line with a number.
func nanoseconds(r io.Reader) (time.Duration, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(ns), err
}
