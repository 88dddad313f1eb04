//go:build linux && (amd64 || arm64)

package bond

import (
	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/seal"
)

// A tree is a process group that nobody can leave: the child leads it, a seccomp
// filter (package seal) makes setsid and setpgid do nothing, and the tripwire's
// signal is for the group.

const (
	stepLeads = "getpgid"
	stepSeal  = "seccomp(SECCOMP_SET_MODE_FILTER)"
)

// seal makes the request one for a tree. The child proves that it leads its group:
// in a tree that is sealed already setpgid says that it is done, and arming succeeds
// too, for a group that nobody is in.
func (p *parcel) seal(r *clone.Request) {
	r.Setpgid = r.Setpgid || !r.Setsid // a session has a group of its own, too
	r.Confinement = []clone.Step{{Name: stepLeads, Nr: unix.SYS_GETPGID, Mask: ^uintptr(0), Equal: &p.self.Pid}}
	if r.Setctty {
		// The child itself shall really get the terminal, which the seal only pretends.
		r.Setctty = false
		r.Confinement = append(r.Confinement, clone.Step{
			Name: "ioctl(TIOCSCTTY)", Nr: unix.SYS_IOCTL,
			Args: [6]clone.Arg{clone.Int(r.Ctty), clone.Int(unix.TIOCSCTTY), clone.Int(1)},
		})
	}
	r.Confinement = append(r.Confinement, clone.Step{
		Name: stepSeal, Nr: unix.SYS_SECCOMP,
		Args: [6]clone.Arg{
			clone.Int(unix.SECCOMP_SET_MODE_FILTER),
			clone.Int(unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW),
			clone.Addr(seal.Program()),
		},
	})
}
