//go:build linux && (amd64 || arm64)

package fault

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Site is a place in a program's run: the Nth time that a process makes a call. Between two
// runs of the same this changes less than the place in the order of all calls.
type Site struct {
	Process int // 0 is the program, 1 the first that it starts, and so on
	Call    string
	Nth     int
}

func (s Site) String() string {
	who := "program"
	if s.Process > 0 {
		who = fmt.Sprintf("child %d", s.Process)
	}
	return fmt.Sprintf("%s: %s, %d", who, s.Call, s.Nth)
}

// End is the call of the last site of a stretch: what was made before has been made, and
// the program is about to do something else.
const End = "the end"

// A stretch of the program's run is what is looked at. It begins and ends by a call that is
// of no use for anything else, which tells the supervisor.
const (
	markBegin = 0x6b61_0001
	markEnd   = 0x6b61_0002
)

// Begin tells the supervisor that a stretch begins.
func Begin() { mark(markBegin) }

// Finish tells the supervisor that it is over. Calls that others of its threads or children
// make after that are not looked at.
func Finish() { mark(markEnd) }

// mark is refused by the kernel, which knows no such policy.
func mark(what uintptr) { _, _, _ = unix.Syscall(unix.SYS_SCHED_GET_PRIORITY_MAX, what, 0, 0) }

// trace tells sites apart. Out of a stretch there are none, and a child has none after its
// exec: from there on it is another program.
type trace struct {
	program   int
	processes map[int]int // of a thread
	ordinals  map[int]int // of a process
	execed    map[int]bool
	counts    map[Site]int // with Nth 0
	sites     []Site
	on        bool
}

func newTrace(program int) trace {
	return trace{program: program, processes: map[int]int{}, ordinals: map[int]int{program: 0}, execed: map[int]bool{}}
}

// see gives the site of a call.
func (t *trace) see(n notification) (Site, bool) {
	if int(n.nr) == unix.SYS_SCHED_GET_PRIORITY_MAX {
		return t.mark(n.args[0])
	}
	if !t.on || !ours(n.ip) {
		return Site{}, false
	}
	process := t.processOf(int(n.thread))
	if t.execed[process] {
		return Site{}, false
	}
	ordinal, known := t.ordinals[process]
	if !known {
		ordinal = len(t.ordinals)
		t.ordinals[process] = ordinal
	}
	return t.add(ordinal, name(n.nr, n.args)), true
}

func (t *trace) mark(what uint64) (Site, bool) {
	switch what {
	case markBegin:
		t.on, t.sites, t.counts = true, nil, map[Site]int{}
		t.ordinals = map[int]int{t.program: 0}
	case markEnd:
		if t.on {
			t.on = false
			return t.add(0, End), true
		}
	}
	return Site{}, false
}

func (t *trace) add(process int, call string) Site {
	site := Site{Process: process, Call: call}
	t.counts[site]++
	site.Nth = t.counts[site]
	t.sites = append(t.sites, site)
	return site
}

// forget takes the last site back.
func (t *trace) forget(site Site) {
	site.Nth = 0
	t.counts[site]--
	t.sites = t.sites[:len(t.sites)-1]
}

// made is told of each call that goes on.
func (t *trace) made(n notification) {
	if process := t.processOf(int(n.thread)); process != t.program && isExec(n.nr) {
		t.execed[process] = true
	}
}

// processOf asks /proc once: the numbers of a run do not come again that soon.
func (t *trace) processOf(thread int) int {
	if process, ok := t.processes[thread]; ok {
		return process
	}
	process := thread
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "Tgid: %d", &process); err == nil {
			break
		}
	}
	t.processes[thread] = process
	return process
}

// ours says whether a call is the library's or, by package syscall, that of somebody whom it
// calls. Go's runtime makes calls for itself, and dies where they fail. The supervisor is the
// same binary as the program, so its own table tells; what it does not know is C's.
func ours(ip uint64) bool {
	f := runtime.FuncForPC(uintptr(ip))
	return f != nil && !strings.HasPrefix(f.Name(), "runtime.")
}
