//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
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
func (r *Request) CopiesTable() error { return r.copiesTable(kernelCutsWell()) }

// kernelCutsWell is asked once.
var kernelCutsWell = sync.OnceValue(func() bool {
	var name unix.Utsname
	return unix.Uname(&name) == nil && cutsWell(unix.ByteSliceToString(name.Release[:]))
})

func (r *Request) copiesTable(cutsWell bool) error {
	switch {
	case !cutsWell:
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
