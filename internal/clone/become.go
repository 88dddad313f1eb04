//go:build linux && (amd64 || arm64)

package clone

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// become changes the ids of the child. The calls are the raw ones: they act on
// the one thread there is.
func become(c *Credential) []Step {
	var steps []Step
	if !c.NoSetGroups {
		groups := Int(0)
		if len(c.Groups) > 0 {
			groups = Addr(unsafe.SliceData(c.Groups))
		}
		steps = append(steps, Step{
			Name: "setgroups", Nr: unix.SYS_SETGROUPS,
			Args: [6]Arg{Int(len(c.Groups)), groups},
		})
	}
	return append(
		steps,
		Step{Name: "setgid", Nr: unix.SYS_SETGID, Args: [6]Arg{Int(int(c.Gid))}},
		Step{Name: "setuid", Nr: unix.SYS_SETUID, Args: [6]Arg{Int(int(c.Uid))}},
	)
}

// Capabilities are the sets of a thread (capabilities(7), interface version 3).
type Capabilities struct {
	header unix.CapUserHeader
	sets   [2]unix.CapUserData
}

// ReadCapabilities reads those of the calling thread.
func ReadCapabilities() (*Capabilities, error) {
	c := &Capabilities{header: unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}}
	return c, unix.Capget(&c.header, &c.sets[0])
}

// Permits says whether the thread has the capability or could raise it.
func (c *Capabilities) Permits(capability int) bool {
	return c.sets[capability/32].Permitted&(1<<(capability%32)) != 0
}

// Has says whether the capability is in force.
func (c *Capabilities) Has(capability int) bool {
	return c.sets[capability/32].Effective&(1<<(capability%32)) != 0
}

// Drop takes a capability from all three sets. The ambient set follows by a rule
// of the kernel when the sets are written.
func (c *Capabilities) Drop(capability int) {
	set, bit := &c.sets[capability/32], uint32(1)<<(capability%32)
	set.Effective &^= bit
	set.Permitted &^= bit
	set.Inheritable &^= bit
}

// capset makes the capabilities those of the child. With no_new_privs no exec
// adds to the permitted set again (security/commoncap.c, cap_bprm_creds_from_file).
func capset(c *Capabilities) Step {
	return Step{Name: "capset", Nr: unix.SYS_CAPSET, Args: [6]Arg{Addr(&c.header), Addr(&c.sets[0])}}
}
