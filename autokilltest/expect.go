//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"os"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
)

// bond is what the model is to know of the subject.
func (s suite) bond() model.Bond {
	b := model.Bond{Attached: s.attached, Everywhere: os.Geteuid() == 0 && s.reachesEverybody()}
	if s.Mechanism == autokill.Tripwire {
		b.Mechanism = model.Tripwire
	}
	switch s.Scope {
	case autokill.ScopeProcess:
		b.Scope = model.Process
	case autokill.ScopeTree:
		b.Scope = model.Tree
	case autokill.ScopePIDNamespace:
		b.Scope = model.PIDNamespace
	}
	return b
}
