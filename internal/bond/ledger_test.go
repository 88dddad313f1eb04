//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/testproc"
	"github.com/autokill/autokill/pidfd"
)

// ledger says since when a kernel has what, as docs/mechanisms.md and the ledgers at
// the top of the packages claim it, and how to find out.
var ledger = []struct {
	what         string
	major, minor int
	has          func(self int) bool // self is a pidfd of this process
}{
	{"pidfd_open", 5, 3, func(int) bool { return true }}, // or there were no self
	{"clone3", 5, 3, func(int) bool {
		_, _, errno := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
		return errno == unix.EINVAL
	}},
	{"waitid(P_PIDFD)", 5, 4, func(self int) bool {
		return errors.Is(unix.Waitid(unix.P_PIDFD, self, nil, unix.WEXITED|unix.WNOHANG, nil), unix.ECHILD)
	}},
	{"close_range", 5, 9, func(int) bool { return unix.CloseRange(none, none, 0) == nil }},
	{"CLOSE_RANGE_UNSHARE", 5, 9, func(int) bool { return sharedTableWorks() }},
	{"PIDFD_NONBLOCK", 5, 10, func(int) bool {
		fd, err := unix.PidfdOpen(os.Getpid(), unix.PIDFD_NONBLOCK)
		_ = unix.Close(fd)
		return err == nil
	}},
	{"CLOSE_RANGE_CLOEXEC", 5, 11, func(int) bool { return unix.CloseRange(none, none, unix.CLOSE_RANGE_CLOEXEC) == nil }},
	{"MFD_EXEC", 6, 3, func(int) bool {
		fd, err := unix.MemfdCreate("ledger", unix.MFD_CLOEXEC|unix.MFD_EXEC)
		_ = unix.Close(fd)
		return err == nil
	}},
	{"POLLHUP of a pidfd when the process was reaped", 6, 9, func(self int) bool {
		var fs unix.Statfs_t // with pidfs
		return unix.Fstatfs(self, &fs) == nil && fs.Type == unix.PID_FS_MAGIC
	}},
	{"PIDFD_GET_INFO", 6, 13, func(self int) bool {
		return unix.IoctlPidfdInfo(self, &unix.PidfdInfo{Mask: unix.PIDFD_INFO_PID}) == nil
	}},
	{"exit status in it", 6, 15, func(int) bool { return exitStatusAfterTheReap() }},
	{"CLONE_PIDFD_AUTOKILL", 7, 1, func(int) bool { return askClone() == nil }},
}

// none is a descriptor that there is not.
const none = 1 << 30

// sharedTableWorks asks in a child: with a table of its own this thread would see nothing of
// what others open.
func sharedTableWorks() bool {
	r := &clone.Request{Path: "/bin/true", Argv: []string{"true"}, Shared: true}
	c, err := r.Start()
	if err != nil {
		return false
	}
	_, _, _ = clone.Reap(c.Pid)
	_ = unix.Close(c.Pidfd)
	return true
}

// exitStatusAfterTheReap lets a child end and be reaped, and asks for its status then.
func exitStatusAfterTheReap() bool {
	r := &clone.Request{Path: "/bin/sh", Argv: []string{"sh", "-c", "exit 7"}, Files: []int{-1, -1, 2}}
	c, err := Start(r, Wish{Kind: Tripwire})
	if err != nil {
		return false
	}
	defer c.Observer.Close()
	defer c.Handle.Close()
	c.Await()
	info, err := c.Observer.Info(pidfd.InfoExit)
	status, ok := info.Exit()
	return err == nil && ok && status.ExitStatus() == 7
}

// TestLedger: a claimed minimum that is too low is a kernel that should have something
// and has not; one that is too high is a kernel that has it earlier.
func TestLedger(t *testing.T) {
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(self)
	for _, claim := range ledger {
		if has, should := claim.has(self), testproc.KernelAtLeast(claim.major, claim.minor); has != should {
			t.Errorf("%s is claimed since Linux %d.%d; this kernel has it: %t", claim.what, claim.major, claim.minor, has)
		}
	}
}

// TestLedgerIsDocumented holds the table of the document against the ledger.
func TestLedgerIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/mechanisms.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Which kernel has what")
	section, _, _ = strings.Cut(section, "\n## ") // other tables are about other things
	documented := map[string]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(line, " | ")
		if len(cells) < 3 {
			continue
		}
		names, versions := strings.Split(strings.TrimPrefix(cells[0], "| "), "; "), strings.Split(cells[1], "; ")
		for i, name := range names {
			documented[name] = versions[min(i, len(versions)-1)]
		}
	}
	for _, claim := range ledger {
		if got, want := documented[claim.what], fmt.Sprintf("%d.%d", claim.major, claim.minor); got != want {
			t.Errorf("%s: the document says %q, the ledger %s", claim.what, got, want)
		}
	}
}
