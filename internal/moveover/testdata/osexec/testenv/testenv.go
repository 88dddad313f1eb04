// Package testenv is what os/exec's tests use of the Go tree's internal/testenv, for a
// Linux system with the go command.
package testenv

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// NoSpecialBuildTypes is for MustInternalLink.
const NoSpecialBuildTypes = 0

// MustHaveExec is true here.
func MustHaveExec(testing.TB) {}

// MustHaveGoBuild is true here.
func MustHaveGoBuild(testing.TB) {}

// MustHaveSymlink is true here.
func MustHaveSymlink(testing.TB) {}

// MustInternalLink is true here.
func MustInternalLink(testing.TB, int) {}

// SkipFlaky skips.
func SkipFlaky(t testing.TB, issue int) { t.Skipf("flaky: golang.org/issue/%d", issue) }

// Executable is the test binary.
func Executable(testing.TB) string { return must(os.Executable()) }

// GoToolPath is the go command.
func GoToolPath(testing.TB) string { return must(exec.LookPath("go")) }

// GOROOT is where Go is.
func GOROOT(testing.TB) string { return runtime.GOROOT() }

// Command makes a command.
func Command(_ testing.TB, name string, args ...string) *exec.Cmd {
	return exec.Command(name, args...)
}

// SyscallIsNotSupported says whether the system may forbid the call.
func SyscallIsNotSupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) ||
		errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EINVAL)
}

func must(path string, err error) string {
	if err != nil {
		panic(err)
	}
	return path
}
