//go:build linux && (amd64 || arm64)

package bond

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/mark"
)

// publish gives the handle of a tripwire the public name by which autokill ps knows whom
// it keeps alive (package mark). Nothing depends on it: where a sandbox denies bind, the
// handle has no name.
func publish(handle int, s Scope, target int) {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return
	}
	m := mark.Mark{Scope: s.String(), PID: target, Namespace: pidNamespace(), At: time.Duration(now.Nano())}
	// An abstract name begins with NUL and has no end but its length (unix(7)).
	address := struct {
		family uint16
		path   [108]byte
	}{family: unix.AF_UNIX}
	name := m.Append(address.path[:1])
	size := unsafe.Offsetof(address.path) + uintptr(len(name))
	_, _, _ = unix.Syscall(unix.SYS_BIND, uintptr(handle), uintptr(unsafe.Pointer(&address)), size)
}

// pidNamespace is the inode number of this program's, which never changes, or 0 without
// /proc.
var pidNamespace = sync.OnceValue(func() uint64 {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return 0
	}
	inode, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(link, "pid:["), "]"), 10, 64)
	return inode
})
