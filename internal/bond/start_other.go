//go:build !linux || !(amd64 || arm64)

package bond

import (
	"os"

	"github.com/autokill/autokill/internal/clone"
)

func errSystem() error {
	return unsupported("needs Linux 5.10 or later on amd64 or arm64")
}

// Start refuses: there is no mechanism on this system.
func Start(_ *clone.Request, w Wish) (*Child, error) { return nil, &Error{w.Kind, errSystem()} }

// Adopt refuses: nothing is a handle on this system.
func Adopt(*os.File) (*Child, error) { return nil, errSystem() }

// Standstill has nobody to wait for.
func Standstill() (over func()) { return func() {} }

// Unreaped are none.
func Unreaped([]*Child) []int { return nil }

// ReapOrphans has nothing to do.
func ReapOrphans([]int) (wait func()) { return func() {} }

// Prove says that there is no mechanism on this system.
func Prove(Kind) error { return errSystem() }

// Attach refuses: there is no mechanism on this system.
func Attach(int, Scope) (*Child, error) { return nil, &Error{Tripwire, errSystem()} }

// Become refuses, for the same reason.
func Become(int, Scope, []int) error { return errSystem() }

func (c *Child) condemn() {}

// Follow tells nobody: there are no children here.
func (c *Child) Follow(Mourner) {}

// Hasten is Follow's.
func (c *Child) Hasten() {}

// End is Follow's.
func (c *Child) End() (Ending, bool) { return Ending{}, false }
