//go:build !linux || !(amd64 || arm64)

package bond

import (
	"errors"
	"testing"

	"github.com/autokill/autokill/internal/clone"
)

func TestOtherSystem(t *testing.T) {
	for _, kind := range []Kind{Auto, Native, Tripwire} {
		child, err := Start(&clone.Request{}, Wish{Kind: kind})
		var refusal *Error
		if child != nil || !errors.As(err, &refusal) || refusal.Kind != kind || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Start by %v: %v, %v", kind, child, err)
		}
		if err := Prove(kind); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Prove %v: %v", kind, err)
		}
	}
	if child, err := Attach(1, ScopeProcess); child != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Attach: %v, %v", child, err)
	}
}
