//go:build linux

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// startsSlowly is a program that starts a command as autokill does. The start lasts until
// somebody makes the command go on.
func startsSlowly() {
	if err := catchStops(); err != nil {
		fmt.Println(err)
	}
	signals, err := catch(syscall.SIGUSR1)
	if err != nil {
		fmt.Println(err)
	}
	came, err := attend(signals, func() error {
		cmd := exec.Command("sh", "-c", "kill -STOP $$")
		if err := cmd.Start(); err != nil {
			return err
		}
		for !isStopped(cmd.Process.Pid) {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("ready")
		return cmd.Wait()
	})
	for _, got := range came {
		fmt.Println("came:", unix.SignalName(got.Signal))
	}
	fmt.Println("started:", err)
	os.Exit(3)
}

// TestStopsDuringStart: a Ctrl-Z in the middle of a start does not leave a terminal
// where nobody answers.
func TestStopsDuringStart(t *testing.T) {
	needs(t, "sh")
	c := testproc.NewConsole(t)
	shell := c.Start(t, "sh", "-c", "set -m; startsSlowly; echo stopped: $?; fg; echo ended: $?")
	c.Expect(t, "ready")
	c.Write(t, testproc.CtrlZ)
	c.Expect(t, fmt.Sprintf("stopped: %d", 128+int(syscall.SIGTSTP)))
	c.Expect(t, "came: SIGTSTP")
	c.Expect(t, "started: <nil>")
	c.Expect(t, "ended: 3")
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}
