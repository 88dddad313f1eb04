//go:build linux && (amd64 || arm64)

package bond

import (
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]func([]string) int{sealedRole: startSealed, becomeRole: playBecome, opensRole: opens, swallowedRole: startSwallowed, enterBecomeRole: enterBecome, watchedBecomeRole: watchedBecome, climberRole: climb})
}
