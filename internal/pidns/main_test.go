//go:build linux && (amd64 || arm64)

package pidns

import (
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]func([]string) int{countRole: count, tracerRole: trace, tracedRole: beTraced})
}
