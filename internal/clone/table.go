package clone

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Why a start does not share the caller's descriptor table.
var (
	errGate      = errors.New("its caller closes a descriptor while the child waits at the gate")
	errAncestors = errors.New("each of several processes gives up other descriptors")
	errFar       = errors.New("a file for the child has a high number, and the kernel copies all below it")
	errCut       = errors.New("before Linux 6.11, and corrections of older series, a table that is given up in part stays full where the caller's was (CVE-2024-45025)")
)

// wordOfTable is how many descriptors the kernel copies at least: those of one word of its bit map
// (fs/file.c, sane_fdtable_size).
const wordOfTable = 64

// CopiesTable says why the child of this request must have a copy of the descriptor table
// from its beginning, or nil if it can share the caller's for as long as the prologue runs,
// which is what Shared asks for.
func (r *Request) CopiesTable() error { return r.copiesTable(kernelCuts()) }

// kernelCuts is cutsWell of the running kernel.
var kernelCuts = sync.OnceValue(func() bool { return cutsWell(release()) })

func (r *Request) copiesTable(cuts bool) error {
	switch {
	case !cuts:
		return errCut
	case r.Maps != nil:
		return errGate
	case len(r.Ancestors) > 0:
		return errAncestors
	case slices.ContainsFunc(r.Files, func(fd int) bool { return fd >= wordOfTable }):
		return errFar
	}
	return nil
}

// cutsWell goes by the release of the kernel (uname(2)). Those of distributions that are corrected do not tell
// by it, and only copy more than they must.
func cutsWell(release string) bool {
	var major, minor int
	_, err := fmt.Sscanf(release, "%d.%d", &major, &minor)
	return err == nil && (major > 6 || major == 6 && minor >= 11)
}
