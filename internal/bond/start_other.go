//go:build !linux || !(amd64 || arm64)

package bond

import "github.com/autokill/autokill/internal/clone"

func errSystem() error {
	return unsupported("needs Linux 5.10 or later on amd64 or arm64")
}

// Start refuses: there is no mechanism on this system.
func Start(_ *clone.Request, w Wish) (*Child, error) { return nil, &Error{w.Kind, errSystem()} }

// Prove says that there is no mechanism on this system.
func Prove(Kind) error { return errSystem() }

// Become refuses, for the same reason.
func Become(int, Scope, []int) error { return errSystem() }
