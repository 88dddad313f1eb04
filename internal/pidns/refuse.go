package pidns

import (
	"errors"
	"fmt"

	"github.com/autokill/autokill/internal/clone"
)

// Flags of clone(2) that are named here, on systems too that do not have them.
const (
	newTime = 0x80
	newUser = 0x10000000
	newPID  = 0x20000000
)

// refuse says what of a request cannot be had in a namespace. It makes no system call.
func refuse(r *clone.Request, o Options) error {
	switch {
	case r.Flags&newPID != 0:
		return unsupported("CLONE_NEWPID: the command would be an init in the PID namespace that it gets anyway")
	case r.Flags&newUser != 0:
		return unsupported("CLONE_NEWUSER: who needs a user namespace for the PID namespace gets one, others none")
	case r.Flags&newTime != 0 && o.Monitor:
		return unsupported("CLONE_NEWTIME needs clone3, which a monitor does without; native (Linux 7.1) can do it")
	case r.Ptrace:
		return unsupported("Ptrace: the tracer would be the parent of the command, which is the init")
	case r.Setpgid && r.Pgid != 0:
		return unsupported(fmt.Sprintf("process group %d is outside of the PID namespace and cannot be joined", r.Pgid))
	case r.Credential != nil && o.UserNamespace && !r.Credential.NoSetGroups:
		return unsupported("a user namespace that has its caller's user only cannot change groups: set NoSetGroups")
	}
	return nil
}

func unsupported(why string) error { return fmt.Errorf("%s: %w", why, errors.ErrUnsupported) }
