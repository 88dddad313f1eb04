//go:build !linux || !(amd64 || arm64)

package autokill_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/autokill/autokill"
)

// TestOtherSystem: where there is no mechanism every way to start says so, whatever
// is asked for, and what was opened for it is closed.
func TestOtherSystem(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]func(*autokill.Cmd) error{
		"Start":          (*autokill.Cmd).Start,
		"Run":            (*autokill.Cmd).Run,
		"Output":         func(c *autokill.Cmd) error { _, err := c.Output(); return err },
		"CombinedOutput": func(c *autokill.Cmd) error { _, err := c.CombinedOutput(); return err },
		"Start with a pipe": func(c *autokill.Cmd) error {
			out, err := c.StdoutPipe()
			if err != nil {
				return err
			}
			err = c.Start()
			if _, readErr := out.Read(make([]byte, 1)); !errors.Is(readErr, os.ErrClosed) {
				t.Errorf("the pipe is still open: %v", readErr)
			}
			return err
		},
	}
	for _, mechanism := range []autokill.Mechanism{autokill.Best, autokill.Native, autokill.Tripwire} {
		for _, scope := range []autokill.Scope{autokill.ScopeProcess, autokill.ScopeTree, autokill.ScopePIDNamespace} {
			for name, start := range entries {
				c := autokill.CommandContext(context.Background(), self)
				c.Mechanism, c.Scope = mechanism, scope
				err := start(c)
				if !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("%s, %v, %v: %v", name, mechanism, scope, err)
				}
				var refusal *autokill.OpError
				if !errors.As(err, &refusal) || refusal.Op != "start" || refusal.Mechanism != mechanism {
					t.Errorf("%s, %v, %v: %v is no refusal of that start", name, mechanism, scope, err)
				}
				if c.Process != nil {
					t.Errorf("%s, %v, %v: there is a process", name, mechanism, scope)
				}
			}
		}
	}
	for name, attach := range map[string]func(int) (*autokill.Process, error){"Attach": autokill.Attach, "AttachGroup": autokill.AttachGroup} {
		p, err := attach(os.Getppid())
		var refusal *autokill.OpError
		if p != nil || !errors.Is(err, errors.ErrUnsupported) || !errors.As(err, &refusal) || refusal.Op != "attach" {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	for _, support := range autokill.Probe() {
		if !errors.Is(support.Err, errors.ErrUnsupported) {
			t.Errorf("Probe of %v: %v", support.Mechanism, support.Err)
		}
	}
}
