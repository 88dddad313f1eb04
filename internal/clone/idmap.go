package clone

import "fmt"

// IDMaps are the maps of a user namespace (user_namespaces(7)).
type IDMaps struct {
	UIDs, GIDs []IDMap
	// Setgroups allows setgroups(2) inside. Without it, and only then, an ordinary user may
	// map group ids.
	Setgroups bool
}

// IDMap is one line of such a map: Size ids from Inside on are those from Outside on.
type IDMap struct{ Inside, Outside, Size int }

func mapText(lines []IDMap) []byte {
	var text []byte
	for _, l := range lines {
		text = fmt.Appendf(text, "%d %d %d\n", l.Inside, l.Outside, l.Size)
	}
	return text
}
