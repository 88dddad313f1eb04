package autokill

import (
	"errors"
	"io/fs"

	"github.com/autokill/autokill/internal/bond"
)

// ErrSealed is in the error of a start that asked for [ScopeTree] while this program
// is in a tree itself. What it starts belongs to that tree, whatever the scope.
var ErrSealed = bond.ErrSealed

// Error is a refusal or a failure. Nothing was started, and nothing is left behind.
type Error struct {
	Op        string    // "start", "probe"
	Mechanism Mechanism // the one that was to be used; Best if it did not come to a choice
	Err       error
}

func (e *Error) Error() string {
	if e.Mechanism == Best {
		return "autokill: " + e.Op + ": " + e.Err.Error()
	}
	return "autokill: " + e.Op + " (" + e.Mechanism.String() + "): " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// wrap gives an error of package bond its public form. nil stays nil. stat looks at
// files as the child would.
func wrap(op string, m Mechanism, err error, stat func(string) (fs.FileInfo, error)) error {
	if err == nil {
		return nil
	}
	var refusal *bond.Error
	if errors.As(err, &refusal) {
		m, err = Mechanism(refusal.Kind), refusal.Err
	}
	return &Error{Op: op, Mechanism: m, Err: hint(err, stat)}
}
