package autokill

import (
	"errors"
	"io/fs"

	"github.com/autokill/autokill/internal/bond"
)

// ErrSealed is in the error of a start that asked for [ScopeTree] while this program
// is in a tree itself. What it starts belongs to that tree, whatever the scope.
var ErrSealed = bond.ErrSealed

// OpError is a refusal or a failure. Nothing was started or bound, and nothing is left behind.
type OpError struct {
	Op        string    // "start", "attach", "probe", "send" and so on: what was called
	Mechanism Mechanism // the one that was to be used; Best if it did not come to a choice
	Err       error
}

func (e *OpError) Error() string {
	if e.Mechanism == Best {
		return "autokill: " + e.Op + ": " + e.Err.Error()
	}
	return "autokill: " + e.Op + " (" + e.Mechanism.String() + "): " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// startError gives an error of a start its public form. As with os/exec there is an
// [fs.PathError] in it, wherever the start failed.
func (c *Cmd) startError(err error) error {
	m, err := cause(c.Mechanism, err)
	err = hint(err, c.stat)
	if !errors.As(err, new(*fs.PathError)) {
		err = &fs.PathError{Op: "fork/exec", Path: c.Path, Err: err}
	}
	return &OpError{Op: "start", Mechanism: m, Err: err}
}

// cause is what package bond says, and of which mechanism.
func cause(m Mechanism, err error) (Mechanism, error) {
	var refusal *bond.Error
	if errors.As(err, &refusal) {
		return Mechanism(refusal.Kind), refusal.Err
	}
	return m, err
}
