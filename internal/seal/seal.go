//go:build linux && (amd64 || arm64)

package seal

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// Program is the filter for seccomp(SECCOMP_SET_MODE_FILTER). It is made once and
// must not be changed; the kernel copies it.
var Program = sync.OnceValue(func() *unix.SockFprog {
	filter := compile(rules, abis[runtime.GOARCH])
	return &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
})

// On says whether this program is sealed. It asks for a group that cannot be: the
// kernel refuses that, and only a seal says that it is done.
func On() bool { return unix.Setpgid(0, -1) == nil }
