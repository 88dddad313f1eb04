//go:build linux && (amd64 || arm64)

package bond

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/seal"
)

// gather finds the facts that the choice needs. Ids and capabilities can change
// while a program runs, so they are read for every start.
func gather(w Wish) (Facts, error) {
	caps, err := clone.ReadCapabilities()
	if err != nil {
		return Facts{}, err
	}
	f := Facts{
		SysAdmin: caps.Has(unix.CAP_SYS_ADMIN),
		Setuid:   caps.Permits(unix.CAP_SETUID),
		Root:     os.Geteuid() == 0 && initialUserNamespace(),
		MixedIDs: os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid(),
	}
	if w.Scope != ScopeProcess {
		f.Sealed = seal.On()
	}
	if w.Scope == ScopeTree {
		return f, nil
	}
	if w.Kind != Tripwire {
		f.Native = running.askNative()
	}
	return f, nil
}

// initialUserNamespace is false too where that cannot be known: the careful
// answer. A program with more than one thread, as every Go program, cannot change
// its user namespace (setns(2), unshare(2)).
var initialUserNamespace = sync.OnceValue(func() bool {
	// PROC_USER_INIT_INO of include/linux/proc_ns.h: the number is fixed.
	const first = 0xEFFFFFFD
	var st unix.Stat_t
	return unix.Stat("/proc/self/ns/user", &st) == nil && st.Ino == first
})
