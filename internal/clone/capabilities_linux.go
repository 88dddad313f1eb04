//go:build amd64 || arm64

package clone

import (
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ReadCapabilities reads those of the calling thread.
func ReadCapabilities() (Capabilities, error) {
	var c Capabilities
	c.header.version = unix.LINUX_CAPABILITY_VERSION_3
	_, _, errno := unix.RawSyscall(unix.SYS_CAPGET, uintptr(unsafe.Pointer(&c.header)), uintptr(unsafe.Pointer(&c.sets)), 0)
	if errno != 0 {
		return c, os.NewSyscallError("capget", errno)
	}
	return c, nil
}

// Take makes the capabilities those of the calling thread.
func (c *Capabilities) Take() error { return Here([]Step{capset(c)}) }

// Born are the capabilities that the child has when its vector begins.
func (r *Request) Born() (*Capabilities, error) {
	if r.Flags&unix.CLONE_NEWUSER == 0 {
		c, err := ReadCapabilities()
		return &c, err
	}
	// All, in its own namespace. The kernel leaves out what it does not know
	// (security/commoncap.c, cap_capset).
	c := new(Capabilities)
	c.header.version = unix.LINUX_CAPABILITY_VERSION_3
	for i := range c.sets {
		c.sets[i].effective, c.sets[i].permitted = math.MaxUint32, math.MaxUint32
	}
	return c, nil
}
