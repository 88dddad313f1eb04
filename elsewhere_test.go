//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/autokilltest"
	"github.com/autokill/autokill/internal/kernels/guest"
	"github.com/autokill/autokill/internal/testproc"
)

// A somewhere is a place where this process cannot go itself, and what becomes of the
// contract there: by subject, nothing if it is kept, or what the refusal says (R3).
type somewhere struct {
	name    string
	place   string // see testproc.Denying
	sys     syscall.SysProcAttr
	runtime bool   // crun or runc makes it
	root    bool   // only root can go there
	clauses string // which the suite can look at there, if not all
	refused map[string]string
}

// ordinary is how root goes somewhere as an ordinary user.
var ordinary = syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}

// ownMounts is for places that mount something.
var ownMounts = syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}

const (
	byNative   = "pidns by native"
	byTripwire = "pidns by tripwire"
)

// every is a refusal of all subjects.
func every(says string) map[string]string {
	all := map[string]string{}
	for name := range subjects {
		all[name] = says
	}
	return all
}

// armed is a refusal of all who need a tripwire.
func armed(says string) map[string]string {
	return map[string]string{"tripwire": says, "tree": says, byTripwire: says}
}

var elsewheres = []somewhere{
	{name: "ordinary user", sys: ordinary, root: true},

	{name: "clone3 answers ENOSYS", place: "clone3=ENOSYS", refused: map[string]string{
		"native": "clone3: function not implemented: a seccomp filter denies it", byNative: "clone3: function not implemented: a seccomp filter denies it",
	}},
	{name: "clone3 answers EPERM", place: "clone3=EPERM", refused: map[string]string{
		"native": "clone3: operation not permitted: a seccomp filter denies it", byNative: "clone3: operation not permitted: a seccomp filter denies it",
	}},
	{name: "ordinary user, clone3 answers ENOSYS", place: "clone3=ENOSYS,user 65534", root: true, refused: map[string]string{
		"native": "clone3: function not implemented: a seccomp filter denies it", byNative: "clone3: function not implemented: a seccomp filter denies it",
	}},

	{name: "close_range answers ENOSYS", place: "close_range=ENOSYS", refused: every("close_range: function not implemented: a seccomp filter denies it")},
	{name: "close_range answers EPERM", place: "close_range=EPERM", refused: every("close_range: operation not permitted: a seccomp filter denies it")},

	{name: "pidfd_open answers ENOSYS", place: "pidfd_open=ENOSYS", refused: map[string]string{
		"tripwire": "pidfd_open: function not implemented", "tree": "pidfd_open: function not implemented",
		byNative: "pidfd_open", byTripwire: "pidfd_open",
	}},
	{name: "pidfd_open answers EPERM", place: "pidfd_open=EPERM", refused: map[string]string{
		"tripwire": "pidfd_open: operation not permitted", "tree": "pidfd_open: operation not permitted",
		byNative: "pidfd_open", byTripwire: "pidfd_open",
	}},

	{name: "PIDFD_GET_INFO answers EPERM", place: "PIDFD_GET_INFO=EPERM", clauses: informed, refused: map[string]string{
		"native": "ioctl(PIDFD_GET_INFO): operation not permitted: a seccomp filter denies it",
	}},
	{name: "PIDFD_GET_INFO answers ENOTTY", place: "PIDFD_GET_INFO=ENOTTY", refused: map[string]string{
		"native": "ioctl(PIDFD_GET_INFO): inappropriate ioctl for device: a seccomp filter denies it",
	}},

	// In the middle of a start.
	{name: "socketpair answers EPERM", place: "socketpair=EPERM", clauses: fewer, refused: map[string]string{
		"tripwire": "socketpair: operation not permitted", "tree": "socketpair: operation not permitted",
		byNative: "socketpair: operation not permitted", byTripwire: "socketpair: operation not permitted",
	}},
	{name: "sendmsg answers EPERM", place: "sendmsg=EPERM", clauses: fewer, refused: map[string]string{
		"tripwire": "sendmsg(description): operation not permitted", "tree": "sendmsg(description): operation not permitted",
		byNative: "sendmsg", byTripwire: "sendmsg",
	}},
	{name: "F_SETSIG answers EPERM", place: "F_SETSIG=EPERM", refused: armed("fcntl(F_SETSIG): operation not permitted")},
	{name: "F_SETOWN_EX answers EPERM", place: "F_SETOWN_EX=EPERM", refused: armed("fcntl(F_SETOWN_EX): operation not permitted")},
	{name: "no_new_privs denied", place: "PR_SET_NO_NEW_PRIVS=EPERM", refused: armed("prctl(PR_SET_NO_NEW_PRIVS): operation not permitted")},
	{name: "bind answers EPERM", place: "bind=EPERM", clauses: some}, // the handle then has no name for autokill ps
	{name: "seccomp answers EPERM", place: "seccomp=EPERM", refused: map[string]string{
		"tree": "seccomp(SECCOMP_SET_MODE_FILTER): operation not permitted",
	}},

	{name: "no /proc", place: "no /proc", sys: ownMounts, root: true},
	{name: "no /proc, ordinary user", place: "no /proc,user 65534", sys: ownMounts, root: true, refused: map[string]string{
		byTripwire: "/proc is not mounted", byNative: "/proc is not mounted",
	}},

	{name: "/dev/shm read-only, no memfd_create", place: "/dev/shm read-only,memfd_create=ENOSYS", sys: ownMounts, root: true, refused: map[string]string{
		byNative: "memfd_create: function not implemented", byTripwire: "memfd_create: function not implemented",
	}},
	{name: "no /dev/shm, no memfd_create", place: "no /dev/shm,memfd_create=EPERM", sys: ownMounts, root: true, refused: map[string]string{
		byNative: "memfd_create: operation not permitted", byTripwire: "memfd_create: operation not permitted",
	}},

	{name: "pid 1 of a container of an ordinary user", place: "own /proc", sys: rootless()},
	{name: "in a container of an ordinary user", place: "own /proc,under an init", sys: rootless()},
	{name: "pid 1 of a container of an ordinary user, no /proc", place: "own /proc,no /proc", sys: rootless()},
	{name: "pid 1 of a container with a range of users", place: "own /proc", sys: ranged(), root: true},
	{name: "in a container with a range of users, no /proc", place: "own /proc,no /proc,under an init", sys: ranged(), root: true},

	{name: "Docker's default profile", place: "docker", root: true, refused: inDocker},
	{name: "Docker's default profile, ordinary user", place: "docker,user 65534", root: true, refused: inDocker},
	{name: "a container of an OCI runtime with that profile", runtime: true, root: true, refused: inDocker},
}

// inDocker is what the profile denies: clone3, and namespaces to who has no CAP_SYS_ADMIN.
var inDocker = map[string]string{
	"native":   "clone3: function not implemented: a seccomp filter denies it",
	byNative:   "clone3: function not implemented: a seccomp filter denies it",
	byTripwire: "namespaces",
}

// Containers: all have user, PID, mount and network namespaces of their own.
const containers = syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET

// rootless is a container of an ordinary user, who is all there is in it.
func rootless() syscall.SysProcAttr {
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 {
		uid, gid = 65534, 65534
	}
	return syscall.SysProcAttr{
		Cloneflags:  containers,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}},
		Credential:  &syscall.Credential{NoSetGroups: true},
	}
}

// ranged is a container that has many users.
func ranged() syscall.SysProcAttr {
	many := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 65536}}
	return syscall.SysProcAttr{Cloneflags: containers, UidMappings: many, GidMappings: many, GidMappingsEnableSetgroups: true}
}

// TestContractElsewhere runs the contract where this process cannot go itself.
func TestContractElsewhere(t *testing.T) {
	if testproc.Denied() != "" || os.Getenv(elsewhereEnv) != "" {
		t.Skip("this is elsewhere already")
	}
	var numbers []int
	for i := range elsewheres {
		numbers = append(numbers, i)
	}
	for _, i := range testproc.Part(testproc.Part(numbers)) { // each is a run of its own
		t.Run(elsewheres[i].name, func(t *testing.T) { elsewheres[i].visit(t, i) })
	}
}

// elsewhereEnv is the number of the place that a process is to be in.
const elsewhereEnv = "AUTOKILL_TEST_ELSEWHERE"

// some are the clauses of the short form.
const some = "^(TestL1_CloseKills|TestL2_SIGKILL|TestL5_HandleOutlivesTheParent|TestL9_OnlyWhatWasAskedFor|TestL6_Setsid|TestP1_.*|TestE1_NoZombieWithoutWait|TestE2_Status|TestR3_.*|TestB2_(OSExecWaits|Group|WithoutProc)|TestR5_Attach.*)$"

// fewer are those for which the suite does not need to hand on descriptors.
const fewer = "^(TestL1_CloseKills|TestL9_OnlyWhatWasAskedFor|TestP1_.*|TestE1_NoZombieWithoutWait|TestE2_Status|TestE5_WaitFreesAll|TestR3_.*)$"

// informed are those in which a second holder asks about the child.
const informed = "^(TestL1_CloseKills|TestL2_SIGKILL|TestL3_F.*|TestL5_SentAndTheSenderEnds|TestL9_OnlyWhatWasAskedFor|TestE1_.*|TestE2_Status.*|TestR3_.*)$"

func (place somewhere) visit(t *testing.T, number int) {
	if place.root && os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if why := testproc.Uninhabitable(place.place); why != "" {
		t.Skip(why)
	}
	run, atLeast := "^TestHere$", 30
	switch {
	case place.clauses != "":
		run, atLeast = run+"/^/"+place.clauses, 7
	case testing.Short():
		run, atLeast = run+"/^/"+some, 9
	}
	args := []string{"-test.run=" + run, "-test.v", "-test.short", "-test.timeout=5m"}
	var cmd *exec.Cmd
	if place.runtime {
		cmd = testproc.Container{
			Args: append([]string{"autokill.test"}, args...),
			Env:  []string{fmt.Sprintf("%s=%d", elsewhereEnv, number), "TMPDIR=/tmp", "PATH=/usr/bin:/bin"},
		}.Command(t)
	} else {
		cmd = exec.CommandContext(t.Context(), testproc.Exe, args...)
		// There all that was chosen is to be looked at, in a machine of the matrix, too.
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", elsewhereEnv, number), "TMPDIR=/tmp", guest.KernelVariable+"=")
	}
	if place.place != "" {
		cmd.Env = testproc.Denying(cmd.Env, place.place)
	}
	sys := place.sys
	cmd.SysProcAttr = &sys
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	place.judge(t, string(out), atLeast)
}

// judge looks whether all has been done that should be.
func (place somewhere) judge(t *testing.T, out string, atLeast int) {
	t.Helper()
	for name, subject := range subjects {
		if !strings.Contains(out, "--- PASS: TestHere/"+strings.ReplaceAll(name, " ", "_")+" (") {
			t.Errorf("nothing was seen of %s:\n%s", name, out)
		}
		if _, refused := place.refusal(name, subject); refused {
			t.Logf("%s: refused", name)
			continue
		}
		passed := strings.Count(out, "--- PASS: TestHere/"+strings.ReplaceAll(name, " ", "_")+"/")
		if passed < atLeast {
			t.Errorf("only %d clauses passed for %s:\n%s", passed, name, out)
		}
		t.Logf("%s: %d clauses passed", name, passed)
	}
}

// refusal says what the refusal of a subject says there, and whether there is one.
func (place somewhere) refusal(name string, s autokilltest.Subject) (says string, refused bool) {
	says, refused = place.refused[name]
	if s.Mechanism == autokill.Native && !testproc.KernelAtLeast(7, 1) && !strings.HasPrefix(says, "clone3") {
		return "this kernel has no CLONE_PIDFD_AUTOKILL", true
	}
	// Debian's kernels have it, and before 6.1 it fails where /dev/fd leads nowhere.
	if name == byTripwire && strings.Contains(place.place, "no /proc") && !testproc.KernelAtLeast(6, 1) {
		return "TOMOYO", true
	}
	return says, refused
}

// TestHere is the part of TestContractElsewhere that runs there.
func TestHere(t *testing.T) {
	var number int
	if _, err := fmt.Sscan(os.Getenv(elsewhereEnv), &number); err != nil {
		t.Skip("TestContractElsewhere runs this elsewhere")
	}
	for name, subject := range subjects {
		t.Run(name, func(t *testing.T) {
			if says, refused := elsewheres[number].refusal(name, subject); refused {
				autokilltest.Refused(t, subjects, name, says)
			} else {
				autokilltest.Run(t, subjects, name)
			}
		})
	}
}
