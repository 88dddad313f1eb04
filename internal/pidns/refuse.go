//go:build linux && (amd64 || arm64)

package pidns

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

// moreNamespaces are those that the whole of a PID namespace can be in.
const moreNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWNET | unix.CLONE_NEWTIME

// refuse says what of a request cannot be had in a namespace. It makes no system call.
func refuse(r *clone.Request, o Options) error {
	more := r.Flags &^ (moreNamespaces | unix.CLONE_INTO_CGROUP)
	switch {
	case r.Flags&unix.CLONE_NEWPID != 0:
		return unsupported("CLONE_NEWPID: the command would be an init in the PID namespace that it gets anyway")
	case r.Flags&unix.CLONE_NEWUSER != 0:
		return unsupported("CLONE_NEWUSER, UidMappings, GidMappings: who needs a user namespace for the PID namespace gets one in which users are who they are, others none")
	case more != 0:
		return unsupported(fmt.Sprintf("clone flags %#x: an init stands between the command and its caller", more))
	case r.Flags&unix.CLONE_NEWTIME != 0 && o.Monitor:
		return unsupported("CLONE_NEWTIME needs clone3, which a monitor does without; native (Linux 7.1) can do it")
	case r.Ptrace:
		return unsupported("Ptrace: the tracer would be the parent, which is an init")
	case r.Setpgid && r.Pgid != 0:
		return unsupported(fmt.Sprintf("process group %d is outside of the PID namespace and cannot be joined", r.Pgid))
	case !o.UserNamespace:
		return nil
	case r.Credential != nil && !r.Credential.NoSetGroups:
		return unsupported("without CAP_SYS_ADMIN a PID namespace takes a user namespace, which cannot change groups: set NoSetGroups")
	case len(r.Ambient) > 0:
		return unsupported("AmbientCaps: without CAP_SYS_ADMIN a PID namespace takes a user namespace, and capabilities have no force outside of it")
	}
	return nil
}

func unsupported(why string) error { return fmt.Errorf("%s: %w", why, errors.ErrUnsupported) }
