package clone

import (
	"sync"

	"golang.org/x/sys/unix"
)

// release is that of the running kernel, or empty.
var release = sync.OnceValue(func() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
})
