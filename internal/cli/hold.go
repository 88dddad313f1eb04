package cli

import (
	"errors"
	"fmt"
	"os"
)

// descriptor is what matters about one that is to be held.
type descriptor struct {
	kind descriptorKind
	// readWrite: open for reading and writing, so that a FIFO is its own other end.
	readWrite bool
	listening bool // a socket
	// otherEnd is a descriptor that the command would get and that is the other end
	// of this pipe, or -1.
	otherEnd int
}

type descriptorKind int

const (
	notOpen descriptorKind = iota
	pipeOrFIFO
	connection // a socket of a kind that is connected
	terminal
	otherKind
)

var errHungUp = errors.New("it has hung up already, so nothing was done")

// holdable says why a descriptor cannot be held: it would never hang up, or the
// command needs it.
func holdable(fd int, d descriptor) error {
	switch {
	case fd == 1, fd == 2:
		return errors.New("the command needs it: use 0, or a number from 3 on")
	case d.kind == notOpen:
		return fmt.Errorf("it is not open: the starter must leave it open for autokill, as in sh: autokill run --hold %d … %d<&0", max(fd, 3), max(fd, 3))
	case d.kind == otherKind:
		return errors.New("it cannot hang up: use a pipe, a connected socket or a terminal")
	case d.kind == connection && d.listening:
		return errors.New("a listening socket does not hang up: use a connected one")
	case d.kind == pipeOrFIFO && d.readWrite:
		return errors.New("a FIFO that is open for reading and writing does not hang up: open it for one of them")
	case d.otherEnd >= 0:
		return fmt.Errorf("descriptor %d is the other end of this pipe and the command would keep it open: close it for autokill, as in sh: autokill run … %d>&-", d.otherEnd, d.otherEnd)
	}
	return nil
}

// hold returns a channel that is closed when the descriptor hangs up. Data on it
// is not read.
func hold(fd int, inherited []*os.File) (<-chan struct{}, error) {
	d, err := describe(fd, inherited)
	if err == nil {
		err = holdable(fd, d)
	}
	var over bool
	if err == nil {
		over, err = hungUp(fd, now)
	}
	if err == nil && over {
		err = errHungUp
	}
	if err != nil {
		return nil, fmt.Errorf("--hold %d: %w", fd, err)
	}
	gone := make(chan struct{})
	go func() {
		// An error ends the watch, and so the command: better than to outlive.
		_, _ = hungUp(fd, forever)
		close(gone)
	}()
	return gone, nil
}

// Times for hungUp, as poll(2) has them.
const (
	now     = 0
	forever = -1
)
