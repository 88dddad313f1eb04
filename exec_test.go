//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/autokilltest"
	"github.com/autokill/autokill/internal/testproc"
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

// TestExecDuringStarts: children whose start is under way when the program is replaced leave
// no zombie to the next one.
func TestExecDuringStarts(t *testing.T) {
	execs := 20
	if testing.Short() {
		execs = 5
	}
	out, err := autokilltest.Helper(restlessRole, strconv.Itoa(execs)).Output()
	if err != nil || string(out) != "no zombie" {
		t.Errorf("%v, %s", err, out)
	}
}

const restlessRole = "restless"

// restless starts children from all sides and replaces itself meanwhile, so many times.
func restless(args []string) int {
	fail := func(err error) int {
		fmt.Println(err)
		return 1
	}
	execs, err := strconv.Atoi(args[0])
	if err != nil {
		return fail(err)
	}
	if _, err := autokill.Inherited(); err != nil {
		return fail(err)
	}
	if execs == 0 {
		deadline := time.Now().Add(testproc.Patience)
		for children := testproc.Children(os.Getpid()); len(children) > 0; children = testproc.Children(os.Getpid()) {
			if time.Now().After(deadline) {
				return fail(fmt.Errorf("zombies: %v", children))
			}
			time.Sleep(time.Millisecond)
		}
		fmt.Print("no zombie")
		return 0
	}
	started := make(chan error)
	for range 4 {
		go func() {
			for {
				c := autokill.Command("/bin/sleep", "1000")
				c.Mechanism = autokill.Tripwire
				err := c.Start()
				if err == nil {
					c.Process.Close()
					_ = c.Wait() // it was killed
				}
				select {
				case started <- err:
				default:
				}
			}
		}()
	}
	for range 10 {
		if err := <-started; err != nil {
			return fail(err)
		}
	}
	return fail(autokill.Exec(testproc.Exe, []string{"restless", strconv.Itoa(execs - 1)}, testproc.RoleEnv(restlessRole), nil))
}
