//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/fault"
)

// failure is a call that is to fail, once or, where it is denied, from then on.
type failure struct {
	operation string
	without   string // a call that is denied all the time
	first     bool   // of its kind in a program, which has nothing proved yet
	site      fault.Site
	errno     syscall.Errno
}

func (f failure) String() string {
	first := ""
	if f.first {
		first = "the first "
	}
	return fmt.Sprintf("%s%s: %v gets %s", first, f.operation, f.site, unix.ErrnoName(f.errno))
}

// mended are failures that something was wrong with once. They are always tried.
var mended = []failure{
	{operation: "Close", site: fault.Site{Call: "waitid", Nth: 1}, errno: unix.ENOSYS},             // the end was never seen
	{operation: "Close", site: fault.Site{Call: "ppoll", Nth: 1}, errno: unix.EPERM},               // an end was made up
	{operation: "Start", site: fault.Site{Call: "rt_sigprocmask", Nth: 1}, errno: unix.EPERM},      // the thread lost its signal mask
	{operation: "Start", first: true, site: fault.Site{Call: "ppoll", Nth: 1}, errno: unix.ENOMEM}, // was called a sandbox that swallows
	{operation: "Start", site: fault.Site{Process: 1, Call: "getppid", Nth: 1}, errno: unix.EPERM}, // was called a PID namespace
	{operation: "Send", site: fault.Site{Call: "sendmsg", Nth: 1}, errno: unix.ENOSYS},             // did not say that a filter denies it
	{operation: "FromFile", site: fault.Site{Call: "getsockopt", Nth: 1}, errno: unix.EACCES},      // the errno was lost
	{operation: "Receive", site: fault.Site{Call: "setsockopt", Nth: 1}, errno: unix.ENOMEM},       // the same
	{operation: "Attach", site: fault.Site{Call: fault.Arm, Nth: 3}, errno: unix.ENOSYS},           // killed whom it refused
	{operation: "AttachGroup", site: fault.Site{Call: fault.Arm, Nth: 4}, errno: unix.EPERM},       // the same
}

func (f failure) priority() int {
	if slices.Contains(mended, f) {
		return 1
	}
	return 0
}

// deny denies what the failure is without.
func (f failure) deny(site fault.Site) syscall.Errno {
	if site.Call == f.without {
		return unix.ENOSYS
	}
	return 0
}

// needed says whether a start cannot do without the call: what a child does before its exec is
// what binds it or was asked for, but for these. The child of a proof, which a first start makes,
// may have its end before the answer: it comes once that has let go of its descriptors. In the
// program it is that signals are blocked.
func (f failure) needed() bool {
	start := strings.HasPrefix(f.operation, "Start")
	if f.site.Process == 0 {
		return start && f.site.Call == "rt_sigprocmask"
	}
	spared := []string{"fcntl(F_SETPIPE_SZ)", "wait4", "ppoll"}
	if f.first {
		spared = append(spared, "getpgid", "seccomp")
	}
	return start && !slices.Contains(spared, f.site.Call)
}

// telling leaves out what is the same again and again: of a call that a process makes very
// often, as it reads all of /proc, the first and the last times.
func telling(sites []fault.Site) []fault.Site {
	const often = 12
	last := map[fault.Site]int{}
	for _, site := range sites {
		nth := site.Nth
		site.Nth = 0
		last[site] = nth
	}
	return slices.DeleteFunc(slices.Clone(sites), func(site fault.Site) bool {
		nth := site.Nth
		site.Nth = 0
		return nth > often && nth <= last[site]-often
	})
}
