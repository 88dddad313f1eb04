//go:build linux

package testproc

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Console is a pseudo-terminal and all that was read from it.
type Console struct {
	master, slave *os.File
	seen          string
	from          int // what was seen before this was waited for
}

// What the keys send.
const (
	CtrlC         = "\x03"
	CtrlD         = "\x04"
	CtrlZ         = "\x1a"
	CtrlBackslash = "\x1c"
)

// NewConsole makes one that the test closes in the end. See [Terminal].
func NewConsole(t *testing.T) *Console {
	t.Helper()
	master, slave := Terminal(t)
	return &Console{master: master, slave: slave}
}

// Start makes the program the leader of a session on the terminal.
func (c *Console) Start(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	c.StartCmd(t, cmd)
	return cmd
}

// StartCmd is Start for a command that has more than a name and arguments.
func (c *Console) StartCmd(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.slave, c.slave, c.slave
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
}

// Slave is the end for programs.
func (c *Console) Slave() *os.File { return c.slave }

// Chown gives the terminal to a user, as login(1) does.
func (c *Console) Chown(t *testing.T, uid, gid int) {
	t.Helper()
	if err := c.slave.Chown(uid, gid); err != nil {
		t.Fatal(err)
	}
}

// Write types.
func (c *Console) Write(t *testing.T, keys string) {
	t.Helper()
	if _, err := c.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// Expect reads until one of the texts has come after what was last waited for, and
// says which.
func (c *Console) Expect(t *testing.T, texts ...string) string {
	t.Helper()
	var found string
	come := c.Await(t, func(seen string) bool {
		for _, text := range texts {
			if i := strings.Index(seen[c.from:], text); i >= 0 {
				found = text
				c.from += i + len(text)
				return true
			}
		}
		return false
	})
	if !come {
		t.Fatalf("waited for %q in vain; seen so far:\n%s", texts, c.seen)
	}
	return found
}

// Await reads until what was seen is enough, and says whether it ever was.
func (c *Console) Await(t *testing.T, enough func(seen string) bool) bool {
	t.Helper()
	if err := c.master.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	for !enough(c.seen) {
		b := make([]byte, 256)
		n, err := c.master.Read(b)
		c.seen += string(b[:n])
		if err != nil {
			return enough(c.seen)
		}
	}
	return true
}

// Seen is all that was read so far.
func (c *Console) Seen() string { return c.seen }

// Resize changes the size of the window.
func (c *Console) Resize(t *testing.T, rows, columns uint16) {
	t.Helper()
	c.control(t, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	})
}

// ForegroundGroup is the process group that the keys send signals to.
func (c *Console) ForegroundGroup(t *testing.T) (group int) {
	t.Helper()
	c.control(t, func(fd int) (err error) {
		group, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		return err
	})
	return group
}

func (c *Console) control(t *testing.T, call func(fd int) error) {
	t.Helper()
	conn, err := c.master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = call(int(fd)) }); err != nil {
		t.Fatal(err)
	}
	if failed != nil {
		t.Fatal(failed)
	}
}
