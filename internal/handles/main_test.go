//go:build linux && (amd64 || arm64)

package handles_test

import (
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]func([]string) int{
		lookerRole: look, starerRole: stare, hiddenRole: lookWhereHidden, holderRole: hold,
	})
}
