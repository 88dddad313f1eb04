//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// orphanedRole runs a command beside a stopped child, in the group of whoever started it.
const orphanedRole = "run beside a stopped child"

// TestOrphanedGroup: who leads a session, as services and CI jobs do, is in a process group that
// is an orphan. The end of a command must not look like the moment in which it became one: then
// the kernel sends SIGHUP to all of the group, if any of it is stopped (setpgid(2)).
func TestOrphanedGroup(t *testing.T) {
	for name, subject := range subjects {
		t.Run(name, func(t *testing.T) {
			if subject.Mechanism == autokill.Native {
				needNative(t)
			}
			for _, group := range []string{"the same group", "its own group"} {
				c := testproc.Command(orphanedRole, name, group)
				c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
				if out, err := c.Output(); err != nil || string(out) != "ended\n" {
					t.Errorf("a command in %s: %q, %v", group, out, err)
				}
			}
		})
	}
}

func runBesideStopped(args []string) int {
	idle := exec.Command("sleep", "1000")
	idle.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := idle.Start(); err != nil {
		fmt.Println(err)
		return 1
	}
	var status unix.WaitStatus
	err := idle.Process.Signal(syscall.SIGSTOP)
	if err == nil {
		_, err = unix.Wait4(idle.Process.Pid, &status, unix.WUNTRACED, nil)
	}
	if err != nil || !status.Stopped() {
		fmt.Println("not stopped:", err)
		return 1
	}
	c := subjects[args[0]].Command("true")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: args[1] == "its own group"}
	if err := c.Run(); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ended")
	if err := errors.Join(idle.Process.Kill(), idle.Process.Release()); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}
