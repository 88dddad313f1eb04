package kernels

import (
	"fmt"
	"slices"
	"strings"
)

// A Series is a line of stable releases, such as kernel 5.10, and the Debian
// suite that has packages of it. Which release of the series that is changes all the
// time: the index of the suite says.
type Series struct {
	Name  string
	Suite string
}

// known is every kernel series that can be asked for.
var known = []Series{
	{"5.10", "bullseye"},
	{"6.1", "bookworm"},
	{"6.12", "trixie"},
	{"7.1", "trixie-backports"},
	{"7.2", "sid"},
	{"7.3", "trixie-backports"},
}

// busybox is the line of the shell and the small programs of the machines.
var busybox = Series{"1.35", "bookworm"}

// Short is what runs when nobody asks for a series: the newest kernel, which
// has the native mechanism, and the oldest one that is supported.
var Short = []string{"7.3", "5.10"}

// FindSeries looks a series up by its name.
func FindSeries(name string) (Series, error) {
	at := slices.IndexFunc(known, func(s Series) bool { return s.Name == name })
	if at < 0 {
		var names []string
		for _, s := range known {
			names = append(names, s.Name)
		}
		return Series{}, fmt.Errorf("no kernel series %q: there are %s", name, strings.Join(names, ", "))
	}
	return known[at], nil
}
