//go:build linux

package testproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long something may take that is on its way, in a slow virtual
// machine too. Nothing waits that long if all is well.
const Patience = 30 * time.Second

// leaks says what the tests have left behind: processes, descriptors, goroutines.
func leaks(before map[int]string) []string {
	runtime.GC() // closes what garbage held
	var found []string
	found = append(found, survivors()...)
	found = append(found, eventually(func() []string { return newDescriptors(before) })...)
	found = append(found, eventually(goroutines)...)
	return found
}

// Left says what a process that plays a role has beyond what it had before: descriptors,
// goroutines, children, dead ones among them, and threads that block signals.
func Left(before map[int]string) []string {
	return eventually(func() []string {
		return slices.Concat(newDescriptors(before), goroutines(), ownChildren(), blocking())
	})
}

func ownChildren() []string {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	switch {
	case errors.Is(err, unix.ECHILD):
		return nil
	case info.Signo != 0:
		return []string{"a zombie"}
	}
	return []string{"a child"}
}

// blocking are the threads with a signal mask. Go's own have none, but for moments.
func blocking() []string {
	var all []string
	paths, _ := filepath.Glob(filepath.Join(Proc(), "self/task/*/status"))
	for _, path := range paths {
		status, _ := os.ReadFile(path)
		for line := range strings.Lines(string(status)) {
			mask, ok := strings.CutPrefix(line, "SigBlk:")
			if ok && strings.Trim(mask, "0\t\n") != "" {
				all = append(all, "a thread that blocks signals:"+strings.TrimSuffix(mask, "\n"))
			}
		}
	}
	return all
}

// eventually asks again while there is something to complain about.
func eventually(complaints func() []string) (all []string) {
	Soon(func() bool {
		if all = complaints(); len(all) == 0 {
			return true
		}
		runtime.GC()
		return false
	})
	return all
}

// Soon says whether it comes to that, in the time that something may take which is on its way.
func Soon(so func() bool) bool {
	deadline := time.Now().Add(Patience)
	for delay := 100 * time.Microsecond; !so(); delay = min(2*delay, 10*time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(delay)
	}
	return true
}

// survivors reaps everything that has ended. What has not is a survivor; it is
// named and killed.
func survivors() []string {
	alive := eventually(func() []string {
		ReapAll()
		var names []string
		for _, c := range living() {
			names = append(names, fmt.Sprintf("process %d (%s) in state %s", c.PID, c.Name, c.State))
		}
		return names
	})
	if len(alive) > 0 {
		for _, c := range living() {
			_ = unix.Kill(c.PID, unix.SIGKILL)
		}
	}
	return alive
}

// living are the children of ours that have not ended. The tests set up a subreaper,
// so these include orphans of theirs.
func living() []Stat {
	return slices.DeleteFunc(Children(os.Getpid()), func(s Stat) bool { return s.State == "Z" || s.State == "X" })
}

// ReapAll reaps every child of ours that has ended, orphans of earlier tests too.
func ReapAll() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if pid <= 0 {
			return
		}
	}
}

// Children are those of a process, dead ones that nobody has reaped among them.
func Children(pid int) []Stat {
	return slices.DeleteFunc(Processes(), func(s Stat) bool { return s.PPID != pid })
}

// OpenDescriptors are our own by number, with what they are.
func OpenDescriptors() map[int]string {
	all := map[int]string{}
	names, err := os.ReadDir(filepath.Join(Proc(), "self/fd"))
	if err != nil {
		return all
	}
	for _, name := range names {
		n, err := strconv.Atoi(name.Name())
		if err != nil {
			continue
		}
		// The one that ReadDir used is gone by now.
		if what, err := os.Readlink(filepath.Join(Proc(), "self/fd", name.Name())); err == nil {
			all[n] = what
		}
	}
	return all
}

func newDescriptors(before map[int]string) []string {
	var all []string
	kept := pollers()
	for _, what := range before {
		kept[what]--
	}
	for n, what := range OpenDescriptors() {
		if before[n] == what {
			continue
		}
		if kept[what] > 0 {
			kept[what]--
			continue
		}
		all = append(all, fmt.Sprintf("descriptor %d: %s", n, what))
	}
	return all
}

// goroutines are those that run code of this module, but for the one that follows children.
func goroutines() []string {
	var text strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&text, 2)
	var all []string
	for stack := range strings.SplitSeq(text.String(), "\n\n") {
		kept := strings.Contains(stack, "testproc.Checked.Run(") || strings.Contains(stack, "testproc.Main(")
		kept = kept || strings.Contains(stack, "bond.(*followers).run(")
		if kept || !strings.Contains(stack, "github.com/autokill/autokill") {
			continue
		}
		all = append(all, stack)
	}
	return all
}

// Descriptors counts those that are open, for comparisons before and after. Pollers that are
// opened once and kept do not count.
func Descriptors() int { return len(newDescriptors(nil)) }

// DescriptorsSoon is their number, when it is the one that is wanted or has not become so in time. What
// is closed behind an end that was told a moment ago may be open still.
func DescriptorsSoon(want int) (n int) {
	Soon(func() bool {
		n = Descriptors()
		return n == want
	})
	return n
}

// pollers are the descriptors that Go's runtime opens when it first needs its poller, and the
// one by which package bond follows children.
func pollers() map[string]int {
	return map[string]int{"anon_inode:[eventpoll]": 2, "anon_inode:[eventfd]": 1}
}
