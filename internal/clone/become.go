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

// capset makes the capabilities those of the child. With no_new_privs no exec
// adds to the permitted set again (security/commoncap.c, cap_bprm_creds_from_file).
func capset(c *Capabilities) Step {
	return Step{Name: "capset", Nr: unix.SYS_CAPSET, Args: [6]Arg{Addr(&c.header), Addr(&c.sets)}}
}

// keepCapabilities lets the permitted set survive the change of ids. The exec takes
// the flag back.
func keepCapabilities() Step {
	return Step{
		Name: "prctl(PR_SET_KEEPCAPS)", Nr: unix.SYS_PRCTL,
		Args: [6]Arg{Int(unix.PR_SET_KEEPCAPS), Int(1)},
	}
}

// raiseAmbient needs the capability in the permitted and in the inheritable set.
func raiseAmbient(capability uintptr) Step {
	return Step{
		Name: "prctl(PR_CAP_AMBIENT_RAISE)", Nr: unix.SYS_PRCTL,
		Args: [6]Arg{Int(unix.PR_CAP_AMBIENT), Int(unix.PR_CAP_AMBIENT_RAISE), Int(int(capability))},
	}
}
