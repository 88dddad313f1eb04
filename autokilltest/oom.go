//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// memoryGroups are the two ways in which a kernel offers to limit memory.
var memoryGroups = []struct {
	root        string
	magic       int64
	limit       string // file
	kills       string // file that counts what the OOM killer did
	killed      string // line of it
	subtreeFile string // must have the controller in it, if not empty
}{
	{"/sys/fs/cgroup", unix.CGROUP2_SUPER_MAGIC, "memory.max", "memory.events", "oom_kill 1\n", "cgroup.subtree_control"},
	{"/sys/fs/cgroup/memory", unix.CGROUP_SUPER_MAGIC, "memory.limit_in_bytes", "memory.oom_control", "oom_kill 1\n", ""},
}

// memoryGroup makes a group with little memory.
func memoryGroup(t *testing.T) (dir, kills, killed string) {
	t.Helper()
	for _, g := range memoryGroups {
		var fs unix.Statfs_t
		if err := unix.Statfs(g.root, &fs); err != nil || fs.Type != g.magic {
			continue
		}
		if g.subtreeFile != "" {
			if err := os.WriteFile(filepath.Join(g.root, g.subtreeFile), []byte("+memory"), 0); err != nil {
				continue
			}
		}
		dir, err := os.MkdirTemp(g.root, "autokilltest")
		if err != nil {
			continue
		}
		t.Cleanup(func() {
			eventually(t, "end of the cgroup", func() bool { return os.Remove(dir) == nil })
		})
		if err := os.WriteFile(filepath.Join(dir, g.limit), []byte("67108864"), 0); err != nil {
			t.Fatal(err)
		}
		return dir, filepath.Join(dir, g.kills), g.killed
	}
	t.Skip("needs a cgroup with a memory controller that may be written to")
	return "", "", ""
}

// oomKiller lets the OOM killer end the holder, in a cgroup that has little memory.
// The child is in another one, so it is not what the OOM killer is after.
func oomKiller(t *testing.T, s suite) {
	dir, kills, killed := memoryGroup(t)
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
	if !strings.Contains(string(events), killed) {
		t.Errorf("the holder did not end by the OOM killer:\n%s", events)
	}
}
