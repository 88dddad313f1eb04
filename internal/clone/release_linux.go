package clone

import "golang.org/x/sys/unix"

// release is that of the running kernel, or empty.
func release() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}
