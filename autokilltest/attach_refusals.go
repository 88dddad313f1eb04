//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

var attachRefusals = []clause{
	{"TestR4_AttachWhoIsGone", func(t *testing.T, _ suite) {
		cmd := exec.Command("true")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := cmd.Process.Pid
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
			t.Fatal(err)
		}
		refusesAttach(t, autokill.Attach, pid, os.ErrProcessDone, "") // a zombie
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		refusesAttach(t, autokill.Attach, pid, os.ErrProcessDone, "")
		refusesAttach(t, autokill.AttachGroup, pid, os.ErrProcessDone, "")
	}},
	{"TestR4_AttachNoProcess", func(t *testing.T, _ suite) {
		for _, pid := range []int{0, -1, -os.Getpid(), math.MinInt, math.MaxInt32 + 1} {
			refusesAttach(t, autokill.Attach, pid, syscall.EINVAL, "is not a pid")
			refusesAttach(t, autokill.AttachGroup, pid, syscall.EINVAL, "is not a pid")
		}
		for _, thread := range testproc.Threads(os.Getpid()) {
			if thread.PID != os.Getpid() {
				p, err := autokill.Attach(thread.PID)
				if p != nil || !strings.Contains(err.Error(), "is a thread and not a process") {
					t.Errorf("a thread: %v, %v", p, err)
				}
				break
			}
		}
	}},
	{"TestR5_AttachAnInit", func(t *testing.T, s suite) {
		cmd := exec.Command("sh", "-c", "exec 2>/dev/null; cat; exit 0")
		cmd.SysProcAttr = newPIDNamespace(t)
		b := newBystander(t, cmd)
		b.refuses(t, autokill.Attach, errors.ErrUnsupported, "init of a PID namespace")
		// Whoever else is in there can be killed.
		children := testproc.Children(b.Process.Pid)
		if len(children) != 1 {
			t.Fatalf("the init has %d children", len(children))
		}
		p := attach(t, children[0].PID)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		b.gone(t)
		s.wait(t, p)
	}},
	{"TestR5_AttachAGroupWithAnInit", func(t *testing.T, _ suite) {
		newPIDNamespace(t)
		leader := testproc.Command(nesterRole)
		leader.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		b := newBystander(t, leader) // which answers by its init
		b.refuses(t, autokill.AttachGroup, errors.ErrUnsupported, "init of a PID namespace")
	}},
	{"TestR5_AttachAThreadOfTheKernel", func(t *testing.T, _ suite) {
		const kthreadd = 2
		if stat, err := testproc.ReadProcess(kthreadd); err != nil || stat.Name != "kthreadd" {
			t.Skipf("needs to see the threads of the kernel: process 2 is %+v, %v", stat, err)
		}
		refusesAttach(t, autokill.Attach, kthreadd, errors.ErrUnsupported, "thread of the kernel")
	}},
	{"TestR5_AttachItself", func(t *testing.T, _ suite) {
		for what, says := range map[string]string{
			"alone": "is this program, which cannot hold itself",
			"group": "leads the process group of this program",
		} {
			c := newClinger(t, &syscall.SysProcAttr{Setpgid: true}, "0", what)
			c.begin(t)
			c.says(t, says)
		}
	}},
	{"TestR5_AttachAGroupThatItDoesNotLead", func(t *testing.T, _ suite) {
		newBystander(t, exec.Command("cat")).refuses(t, autokill.AttachGroup, errors.ErrUnsupported, "does not lead it")
	}},
	{"TestR5_AttachAnotherUser", func(t *testing.T, s suite) {
		if os.Geteuid() != 0 {
			refusesAttach(t, autokill.Attach, somebodyElses(t), errors.ErrUnsupported, "belongs to another user")
			return
		}
		needSomebody(t)
		user := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
		b := newBystander(t, exec.Command("cat"))
		c := newClinger(t, user, strconv.Itoa(b.Process.Pid), "alone")
		c.begin(t)
		c.says(t, "belongs to another user")
		b.ping(t)

		theirs := exec.Command("cat")
		theirs.SysProcAttr = user
		b = newBystander(t, theirs)
		if !s.reachesEverybody() {
			b.refuses(t, autokill.Attach, errors.ErrUnsupported, "belongs to another user")
			return
		}
		if err := b.attach(t).Close(); err != nil {
			t.Error(err)
		}
		b.gone(t)
	}},
}

// newPIDNamespace is for a process that is to be the init of one.
func newPIDNamespace(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	probe := exec.Command("true")
	// Without maps: where it is denied os/exec would leave the pipe for them open.
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: inPIDNamespace().Cloneflags}
	if err := probe.Run(); err != nil {
		t.Skipf("needs a PID namespace: %v", err)
	}
	return inPIDNamespace()
}

// inPIDNamespace has a user namespace for who is not root.
func inPIDNamespace() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWPID | unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
}

// nesterRole is a process with the init of a PID namespace in its process group. That one
// answers in its place.
const nesterRole = "nester"

func nest([]string) int {
	cmd := exec.Command("cat")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = inPIDNamespace()
	check(cmd.Run())
	return 0
}

// somebodyElses is a process that is neither ours nor an init. One that has started us does not end
// meanwhile.
func somebodyElses(t *testing.T) int {
	t.Helper()
	own := statusField(t, os.Getpid(), "Uid")
	for _, process := range append(ancestors(), testproc.Processes()...) {
		status, err := os.ReadFile(filepath.Join(testproc.Proc(), strconv.Itoa(process.PID), "status"))
		if err != nil || process.PID == 1 || process.State == "Z" {
			continue
		}
		text := string(status)
		if !strings.Contains(text, "\nUid:\t"+own+"\n") && strings.Contains(text, "\nVmSize:") && !strings.Contains(text, "\t1\nNSpgid") {
			return process.PID
		}
	}
	t.Skip("needs a process of another user")
	return 0
}

func ancestors() (all []testproc.Stat) {
	for pid := os.Getppid(); pid > 0; pid = all[len(all)-1].PPID {
		process, err := testproc.ReadProcess(pid)
		if err != nil {
			break
		}
		all = append(all, process)
	}
	return all
}
