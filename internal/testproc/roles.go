//go:build linux

package testproc

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	roleEnv = "AUTOKILL_TEST_ROLE"
	denyEnv = "AUTOKILL_TEST_DENY"
)

// Exe is this binary. The path by /proc works for a user too who may not search
// the directory that it is in, which go test makes for one user only.
const Exe = "/proc/self/exe"

// Main is for TestMain: it plays a role if this process was started for one, or
// runs the tests and looks for what they left behind. It does not return.
func Main(m *testing.M, roles map[string]func(args []string) int) {
	if rules := os.Getenv(denyEnv); rules != "" {
		if err := deny(rules); err != nil {
			fmt.Fprintln(os.Stderr, "testproc:", err)
			os.Exit(1)
		}
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

// RoleEnv is the environment of a process that is to play a role.
func RoleEnv(role string) []string {
	return append(os.Environ(), roleEnv+"="+role)
}

// Denying is the environment of a process that denies itself system calls before
// it does anything: rules as "clone3=ENOSYS,pidfd_open=EPERM".
func Denying(env []string, rules string) []string {
	return append(env, denyEnv+"="+rules)
}

// DenyingNothing is the environment of a process that denies itself nothing beyond what
// it inherits.
func DenyingNothing(env []string) []string {
	return slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, denyEnv+"=") })
}

// Denied is what this process denies itself.
func Denied() string { return os.Getenv(denyEnv) }

// Command is this binary in a role, to be started by os/exec: a holder, or
// whoever else is not the subject of a test.
func Command(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(Exe, args...)
	cmd.Env = RoleEnv(role)
	cmd.Stderr = os.Stderr
	return cmd
}
