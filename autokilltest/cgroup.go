//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// hierarchies are the two ways in which a kernel offers a controller.
var hierarchies = []struct {
	root  func(controller string) string
	magic int64
	asks  bool // for the controller, in cgroup.subtree_control
}{
	{func(string) string { return "/sys/fs/cgroup" }, unix.CGROUP2_SUPER_MAGIC, true},
	{func(controller string) string { return filepath.Join("/sys/fs/cgroup", controller) }, unix.CGROUP_SUPER_MAGIC, false},
}

// newCgroup makes a group that has the controller, for the time of the test, and says whether
// its files are those of cgroup v2. Where none can be made it returns no directory.
func newCgroup(t *testing.T, controller string) (dir string, v2 bool) {
	t.Helper()
	for _, h := range hierarchies {
		root := h.root(controller)
		var fs unix.Statfs_t
		if err := unix.Statfs(root, &fs); err != nil || fs.Type != h.magic {
			continue
		}
		if h.asks && os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+controller), 0) != nil {
			continue
		}
		dir, err := os.MkdirTemp(root, "autokilltest")
		if err != nil {
			continue
		}
		t.Cleanup(func() {
			eventually(t, "end of the cgroup", func() bool { return os.Remove(dir) == nil })
		})
		return dir, h.asks
	}
	return "", false
}

// needsCgroup is what is missing where there is no such directory.
func needsCgroup(controller string) string {
	return "needs a cgroup with the controller " + controller + " that may be written to"
}

// joinCgroup moves this process.
func joinCgroup(dir string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0)
}
