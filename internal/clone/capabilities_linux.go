//go:build amd64 || arm64

package clone

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ReadCapabilities reads those of the calling thread.
func ReadCapabilities() (*Capabilities, error) {
	c := new(Capabilities)
	c.header.version = unix.LINUX_CAPABILITY_VERSION_3
	_, _, errno := unix.RawSyscall(unix.SYS_CAPGET, uintptr(unsafe.Pointer(&c.header)), uintptr(unsafe.Pointer(&c.sets)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("capget", errno)
	}
	return c, nil
}
