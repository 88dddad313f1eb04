//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/autokilltest"
)

// TestExecFailsAndLeavesTheLimit: Go has raised the soft RLIMIT_NOFILE of the program, and
// lowers it for the next one. The program that goes on has as many descriptors as before, and
// its children have what they had.
func TestExecFailsAndLeavesTheLimit(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := autokilltest.Helper(failedExecRole)
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `ulimit -S -n 100 && exec "$0"`, self}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	report := strings.Fields(string(out))
	if len(report) != 3 {
		t.Fatalf("said %q", out)
	}
	if before, after, child := report[0], report[1], report[2]; before == "100" || after != before || child != "100" {
		t.Errorf("RLIMIT_NOFILE was %s, is %s after the exec, and %s for a child", before, after, child)
	}
}

const failedExecRole = "failed exec"

func failedExec([]string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "failed exec:", err)
		return 1
	}
	var before, after unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		return fail(err)
	}
	if err := autokill.Exec("/no/such/program", []string{"x"}, nil, nil); !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &after); err != nil {
		return fail(err)
	}
	child, err := autokill.Command("/bin/sh", "-c", "ulimit -S -n").Output()
	if err != nil {
		return fail(err)
	}
	fmt.Printf("%d %d %s", before.Cur, after.Cur, child)
	return 0
}
