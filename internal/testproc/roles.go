//go:build linux

package testproc

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

const roleEnv = "AUTOKILL_TEST_ROLE"

// Main is for TestMain: it plays a role if this process was started for one, or
// runs the tests and looks for what they left behind. It does not return.
func Main(m *testing.M, roles map[string]func(args []string) int) {
	if os.Getenv(enterEnv) != "" {
		os.Unsetenv(enterEnv)
		fmt.Fprintln(os.Stderr, "testproc: enter", Denied()+":", enter(Denied()))
		os.Exit(1)
	}
	if name := os.Getenv(roleEnv); name != "" {
		role := roles[name]
		if role == nil {
			fmt.Fprintf(os.Stderr, "testproc: no role %q\n", name)
			os.Exit(1)
		}
		os.Unsetenv(roleEnv)
		os.Exit(role(os.Args[1:]))
	}

	RespectSignals()
	os.Exit(Checked{m}.Run())
}

// Checked are the tests with a look for what they left behind.
type Checked struct{ *testing.M }

// Run returns the status to exit with.
func (c Checked) Run() int {
	// Orphans of the tests come to us, so a survivor cannot hide.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "testproc: PR_SET_CHILD_SUBREAPER:", err)
		return 1
	}
	before := OpenDescriptors()
	status := c.M.Run()
	for _, leak := range leaks(before) {
		fmt.Println("FAIL: left behind:", leak)
		status = 1
	}
	return status
}

// Plays reports, before Main, whether this process was started for a role.
func Plays(role string) bool { return os.Getenv(roleEnv) == role }

// RoleEnv is the environment of a process that is to play a role.
func RoleEnv(role string) []string {
	return append(os.Environ(), roleEnv+"="+role)
}

// Command is this binary in a role, to be started by os/exec: a holder, or
// whoever else is not the subject of a test.
func Command(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(Exe, args...)
	cmd.Env = RoleEnv(role)
	cmd.Stderr = os.Stderr
	return cmd
}
