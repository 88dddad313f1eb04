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
		MixedIDs: os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid(),
	}
	if os.Geteuid() == 0 {
		initial, known := userNamespace()
		f.Root, f.Blind = initial, !known
	}
	if w.Scope != ScopeProcess {
		f.Sealed = seal.On()
	}
	if w.Scope == ScopeTree {
		return f, nil
	}
	if w.Kind != Tripwire {
		f.Native = running.askNative()
		if f.Native == nil && w.Scope == ScopeProcess { // an init tells the status in its own way
			f.Native = askInfo()
		}
	}
	return f, nil
}

// userNamespace says whether this program is in the initial user namespace, and whether
// that can be known. A program with more than one thread, as every Go program, cannot
// change its user namespace (setns(2), unshare(2)).
var userNamespace = sync.OnceValues(func() (initial, known bool) {
	// PROC_USER_INIT_INO of include/linux/proc_ns.h: the number is fixed.
	const first = 0xEFFFFFFD
	var st unix.Stat_t
	known = unix.Stat("/proc/self/ns/user", &st) == nil
	return known && st.Ino == first, known
})
