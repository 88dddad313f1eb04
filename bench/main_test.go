//go:build linux && (amd64 || arm64)

package bench

import (
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]func([]string) int{
		workerRole: work,
		holderRole: hold,
		serverRole: serveOneself,
	})
}
