package pidfd

import (
	"fmt"
	"strings"
)

// bitName is a flag and the name the kernel's headers give it.
type bitName struct {
	bit  uint64
	name string
}

// spell joins the names of the bits that are set, and what has no name as a
// number. No bit at all is "0".
func spell(bits uint64, names []bitName) string {
	if bits == 0 {
		return "0"
	}
	var parts []string
	for _, n := range names {
		if bits&n.bit != 0 {
			parts = append(parts, n.name)
			bits &^= n.bit
		}
	}
	if bits != 0 {
		parts = append(parts, fmt.Sprintf("%#x", bits))
	}
	return strings.Join(parts, "|")
}
