//go:build !linux || !(amd64 || arm64)

package autokill

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/pidfd"
)

func (c *Cmd) start() (*Process, error) {
	f, err := c.files()
	if err != nil {
		return nil, err
	}
	defer f.close()
	var child *bond.Child
	err = f.hold(func(numbers []int) error {
		child, err = bond.Start(&clone.Request{Path: c.Path, Argv: c.argv(), Files: numbers}, bond.Wish{Kind: bond.Kind(c.Mechanism)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return watch(child), nil
}

func otherRoot(*syscall.SysProcAttr) bool { return false }

func duplicate(*pidfd.FD) (*os.File, error) {
	return nil, fmt.Errorf("autokill: observer: %w", errors.ErrUnsupported)
}
