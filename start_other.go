//go:build !linux || !(amd64 || arm64)

package autokill

import (
	"syscall"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/pidfd"
)

// Package bond refuses every start here, whatever is asked for.

func (c *Cmd) request(files []int) (*clone.Request, bond.Wish, error) {
	return &clone.Request{Path: c.Path, Files: files}, bond.Wish{Kind: bond.Kind(c.Mechanism)}, nil
}

func (c *Cmd) givePidFD(*pidfd.FD) error { return nil }

func otherRoot(*syscall.SysProcAttr) bool { return false }
