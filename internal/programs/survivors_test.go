//go:build linux

package programs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// The mark is a variable of the environment that a program and what it starts get. A
// process that has cleared it is found by its ancestors: orphans come to us, since
// the test is a subreaper. One that has both cleared it and left us cannot be:
// only a process that was started by somebody else is not a descendant of ours.
const mark = "AUTOKILL_TEST_MARK"

// marked are the living processes with this mark, and those that descend from a
// child of ours that is not in the list of those from before.
func marked(value string, before map[int]bool) []testproc.Stat {
	var all []testproc.Stat
	parents := map[int]int{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		// An error means that it ended just now.
		if s, err := testproc.ReadStat(path); err == nil {
			all = append(all, s)
			parents[s.PID] = s.PPID
		}
	}
	self := os.Getpid()
	descends := func(pid int) bool {
		for pid > 1 && pid != self && !before[pid] {
			pid = parents[pid]
		}
		return pid == self
	}
	var found []testproc.Stat
	for _, s := range all {
		if s.PID == self || s.State == "Z" || s.State == "X" {
			continue
		}
		if descends(s.PID) || hasMark(s.PID, value) {
			found = append(found, s)
		}
	}
	return found
}

func hasMark(pid int, value string) bool {
	// What cannot be read is of another user, or has ended.
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return bytes.Contains(environ, []byte(mark+"="+value))
}

// remaining waits until nobody is left, and answers who still is when the time is over.
func remaining(patience time.Duration, living func() []testproc.Stat) []testproc.Stat {
	deadline := time.Now().Add(patience)
	for {
		testproc.ReapAll()
		left := living()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// killAll ends what has survived, and fails the test if it cannot.
func killAll(t *testing.T, living func() []testproc.Stat) {
	t.Helper()
	left := remaining(testproc.Patience, func() []testproc.Stat {
		left := living()
		for _, s := range left {
			_ = unix.Kill(s.PID, unix.SIGKILL)
		}
		return left
	})
	if len(left) > 0 {
		t.Errorf("these do not die: %v", left)
	}
}
