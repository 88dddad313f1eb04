//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"fmt"
	"testing"

	"github.com/autokill/autokill/autokilltest"
	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/testproc"
)

// TestHostileChildren: whatever a child does against the bond, it ends with its holder. The
// attacks are the table sieges in autokilltest; children that bring their kin are the
// families of TestB1_SIGKILLOfTheHolder.
func TestHostileChildren(t *testing.T) {
	rounds := 1
	switch {
	case evidence.Wanted() && testproc.InMatrix():
		rounds = 10
	case evidence.Wanted():
		rounds = 100
	case !testing.Short():
		rounds = 4
	}
	header := []string{"attack", "seen"}
	var rows [][]string
	for _, name := range []string{"native", "tripwire", "tree", "pidns by native", "pidns by tripwire"} {
		t.Run(name, func(t *testing.T) {
			if name == "native" || name == "pidns by native" {
				needNative(t)
			}
			losses := autokilltest.Besiege(t, subjects, name, rounds)
			if rows == nil {
				rows = make([][]string, len(losses))
			}
			header = append(header, name)
			for i, l := range losses {
				if l.Survivors > 0 {
					t.Errorf("%s: %d of %d children survived", l.Attack, l.Survivors, l.Rounds)
				}
				if rows[i] == nil {
					rows[i] = []string{l.Attack, l.Seen}
				}
				rows[i] = append(rows[i], fmt.Sprintf("%d of %d", l.Survivors, l.Rounds))
			}
		})
	}

	evidence.Table(t, "hostile children", header, rows)
}
