//go:build linux

package programs

import (
	"syscall"
	"testing"

	"github.com/autokill/autokill/internal/cli"
	"github.com/autokill/autokill/internal/testproc"
)

// TestMain lets the test binary play autokill itself, too.
func TestMain(m *testing.M) {
	testproc.Main(m, map[string]func([]string) int{
		"autokill":  cli.Main,
		"member":    member,
		"os/exec":   runs(nil),
		"pdeathsig": runs(&syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}),
	})
}
