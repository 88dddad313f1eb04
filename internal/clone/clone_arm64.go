//go:build linux

package clone

// cloneOrder is the order in which clone(2) takes its arguments.
func cloneOrder(flags, parentTid, childTid uintptr) [5]uintptr {
	return [5]uintptr{flags, 0, parentTid, 0, childTid}
}
