//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

// Each escape is tried by a child whose holder is then killed with SIGKILL: only
// the kernel is left to keep the bond.
var escapes = []clause{
	{"TestL6_Setsid", func(t *testing.T, s suite) { s.holds(t, "setsid") }},
	{"TestL6_Setpgid", func(t *testing.T, s suite) { s.holds(t, "setpgid") }},
	{"TestL6_Capset", func(t *testing.T, s suite) { s.holds(t, "capset") }},
	{"TestL6_ClosesAllDescriptors", func(t *testing.T, s suite) { s.holds(t, "closeall") }},
	{"TestL6_IgnoresAndBlocksAllSignals", func(t *testing.T, s suite) { s.holds(t, "ignore") }},
	{"TestL6_ExecFromAnotherThread", func(t *testing.T, s suite) { s.holds(t, "execthread") }},
	{"TestL6_Undumpable", func(t *testing.T, s suite) { s.holds(t, "undumpable") }},
	{"TestL6_ClearsPdeathsig", func(t *testing.T, s suite) { s.holds(t, "pdeathsig") }},
	{"TestL6_ReopensTheParentsDescriptors", func(t *testing.T, s suite) { s.holds(t, "reopen") }},
	{"TestL6_StopsItself", func(t *testing.T, s suite) {
		h := s.startHolder(t, "kill", "stop")
		h.ready(t)
		eventually(t, "stop of the child", func() bool { return state(t, h.child) == "T" })
		h.kill()
		h.gone(t)
	}},
	{"TestL6_EndsItsLeaderThread", func(t *testing.T, s suite) {
		h := s.startHolder(t, "kill", "leader")
		h.ready(t)
		h.kill()
		h.gone(t)
	}},
	{"TestL6_BecomesAnotherUser", func(t *testing.T, s suite) {
		needRoot(t)
		if !s.reachesEverybody() {
			s.holds(t, "setresuid") // it has lost what that takes
			return
		}
		needSomebody(t)
		s.holds(t, "setuid")
	}},
	{"TestL6_BecomesAnotherUserByCapability", func(t *testing.T, s suite) {
		needRoot(t)
		needSomebody(t)
		if _, err := os.Lstat("/proc/self"); err != nil && s.Scope == autokill.ScopePIDNamespace {
			t.Skip("an ordinary user's PID namespace needs /proc")
		}
		// An ordinary user who has CAP_SETUID nevertheless. The child may lose it or
		// use it: it must not survive.
		s.holder = &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
			AmbientCaps: []uintptr{unix.CAP_SETUID},
		}
		s.holds(t, "setresuid")
	}},
	{"TestL6_SetUserIDFile", setUserIDFile},
	{"TestL6_SpiesOnSiblingsThatStart", func(t *testing.T, s suite) { s.spiedOn(t, "spy") }},
	{"TestL6_SpiesOnItsHolder", func(t *testing.T, s suite) { s.spiedOn(t, "spy on the holder") }},
	{"TestL6_ReopensManyTimes", func(t *testing.T, s suite) {
		const batch = 10
		rounds := times(500, batch)
		h := s.hold(t, "besiege")
		h.tell(t)
		for range rounds / batch {
			h.tellWord(t, strconv.Itoa(batch))
			h.expect(t, "0 survivors")
		}
		t.Logf("%d children re-opened all that they could: no survivor", rounds)
		h.kill()
		h.gone(t)
	}},
}

// holds lets a child attack, and kills its holder.
func (s suite) holds(t *testing.T, attack string) {
	t.Helper()
	h := s.hold(t, "kill", attack)
	h.kill()
	did := model.Event{Kind: model.Resist, Child: model.TheChild}
	switch attack {
	case "setsid", "setpgid":
		did.Kind = model.Leave
	case "setuid", "setresuid":
		did.Kind = model.Become
	}
	h.after(t, did, model.Killed)
}

// ready waits for a child that is no echo.
func (h *held) ready(t *testing.T) {
	t.Helper()
	deadline(t, h.hear)
	b := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(h.hear, b); err != nil || string(b) != "ready\n" {
		t.Fatalf("the child said %q, %v", b, err)
	}
}

// state is the letter of a process in /proc, or nothing if it is gone.
func state(t *testing.T, pid int) string {
	t.Helper()
	stat, err := testproc.ReadProcess(pid)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
	return stat.State
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// somebody is an ordinary user.
const somebody = 65534

// needSomebody skips where this user namespace does not have that user.
func needSomebody(t *testing.T) {
	t.Helper()
	if !hasUser(somebody) {
		t.Skipf("needs a user namespace that has the user %d", somebody)
	}
}

// hasUser says whether the user namespace of this process has the user.
func hasUser(uid int) bool {
	text, err := os.ReadFile(filepath.Join(testproc.Proc(), "self/uid_map"))
	check(err)
	for line := range strings.Lines(string(text)) {
		var inside, outside, size int
		_, err := fmt.Sscan(line, &inside, &outside, &size)
		check(err)
		if uid >= inside && uid-inside < size {
			return true
		}
	}
	return false
}

// reachesEverybody says whether a child may become another user: native kills whoever
// it is, and the signal of a tripwire is root's or goes to the same user only. Root that
// cannot know that it is root of the initial user namespace does not rely on it.
func (s suite) reachesEverybody() bool { return reaches(s.Subject) }

func reaches(s Subject) bool {
	const initial = 0xEFFFFFFD // PROC_USER_INIT_INO of include/linux/proc_ns.h
	var ns unix.Stat_t
	return s.Mechanism == autokill.Native || s.Scope == autokill.ScopePIDNamespace ||
		os.Geteuid() == 0 && unix.Stat("/proc/self/ns/user", &ns) == nil && ns.Ino == initial
}

// setUserIDFile runs a set-user-ID root file as a child that is somebody else: it
// must not become root, and closing must kill it.
func setUserIDFile(t *testing.T, s suite) {
	needRoot(t)
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "autokilltest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "cat")
	if err := errors.Join(
		os.Chmod(dir, 0o755),
		os.WriteFile(path, program, 0o755),
		os.Chmod(path, 0o755|os.ModeSetuid),
	); err != nil {
		t.Fatal(err)
	}
	become := func(c *autokill.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
	}
	if !s.reachesEverybody() {
		s.refuses(t, become, errors.ErrUnsupported, "another uid")
		return
	}
	needSomebody(t)
	e := newEcho(t)
	c := s.Command(path)
	c.Stdin, c.Stdout = e.stdin, e.stdout
	become(c)
	p := s.begin(t, c)
	e.handOver()
	e.ping(t)
	if uid := statusField(t, p.Pid, "Uid"); uid != "65534\t65534\t65534\t65534" {
		t.Errorf("the child has the uids %q: no_new_privs should have kept it from becoming root", uid)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	e.gone(t)
	killed(t, p)
}

// statusField is a line of /proc/PID/status.
func statusField(t *testing.T, pid int, name string) string {
	t.Helper()
	return taskField(t, filepath.Join(testproc.Proc(), strconv.Itoa(pid), "status"), name)
}

func taskField(t *testing.T, path, name string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("%s has no %s", path, name)
	return ""
}
