//go:build linux && (amd64 || arm64)

package moveover

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

func TestMain(m *testing.M) {
	// os/exec passes on what this program was started with, and os/exec's test of what is
	// open in a child is skipped then.
	for n := range testproc.OpenDescriptors() {
		if n > 2 {
			unix.CloseOnExec(n)
		}
	}
	testproc.Main(m, nil)
}
