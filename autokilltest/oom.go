//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// memoryGroup makes a group with little memory.
func memoryGroup(t *testing.T) (dir, kills string) {
	t.Helper()
	dir, v2 := newCgroup(t, "memory")
	if dir == "" {
		t.Skip(needsCgroup("memory"))
	}
	limit, kills := "memory.limit_in_bytes", "memory.oom_control"
	if v2 {
		limit, kills = "memory.max", "memory.events"
	}
	if err := os.WriteFile(filepath.Join(dir, limit), []byte("67108864"), 0); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, kills)
}

// oomKiller lets the OOM killer end the holder, in a cgroup that has little memory.
// The child is in another one, so it is not what the OOM killer is after.
func oomKiller(t *testing.T, s suite) {
	dir, kills := memoryGroup(t)
	h := s.hold(t, "devour")
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(fmt.Sprint(h.cmd.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	h.tell(t)
	h.gone(t)
	h.kill()
	events, err := os.ReadFile(kills)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(events), "oom_kill 1\n") {
		t.Errorf("the holder did not end by the OOM killer:\n%s", events)
	}
}
