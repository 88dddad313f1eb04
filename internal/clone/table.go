package clone

import (
	"errors"
	"slices"
)

// Why a start does not share the caller's descriptor table.
var (
	errGate      = errors.New("its caller closes a descriptor while the child waits at the gate")
	errAncestors = errors.New("each of several processes gives up other descriptors")
	errFar       = errors.New("a file for the child has a high number, and the kernel copies all below it")
)

// wordOfTable is how many descriptors the kernel copies at least: those of one word of its bit map
// (fs/file.c, sane_fdtable_size).
const wordOfTable = 64

// CopiesTable says why the child of this request must have a copy of the descriptor table
// from its beginning, or nil if it can share the caller's for as long as the prologue runs,
// which is what Shared asks for.
func (r *Request) CopiesTable() error {
	switch {
	case r.Maps != nil:
		return errGate
	case len(r.Ancestors) > 0:
		return errAncestors
	case slices.ContainsFunc(r.Files, func(fd int) bool { return fd >= wordOfTable }):
		return errFar
	}
	return nil
}
