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
	"github.com/autokill/autokill/internal/testproc"
)

const sessionRole = "session"

// atTerminal are attributes for a child of somebody who leads the session of a
// terminal, which is its standard input. The words are what the child says.
var atTerminal = map[string]struct {
	sys  syscall.SysProcAttr
	want string
}{
	"nothing":            {syscall.SysProcAttr{}, "terminal, group of its parent, foreground"},
	"Setpgid":            {syscall.SysProcAttr{Setpgid: true}, "terminal, group of its own, background"},
	"Foreground":         {syscall.SysProcAttr{Foreground: true}, "terminal, group of its own, foreground"},
	"Foreground by name": {syscall.SysProcAttr{Setpgid: true, Foreground: true}, "terminal, group of its own, foreground"},
	"Noctty":             {syscall.SysProcAttr{Noctty: true}, "no terminal, group of its parent, background"},
}

// session leads a session and has a terminal. Its child's fields of /proc/self/stat
// are, from the parent on, $2: process group $3, session $4, terminal $5, foreground
// group of the terminal $6 (proc(5)).
func session(args []string) int {
	sys := atTerminal[args[0]].sys
	c := autokill.Command("/bin/sh", "-c", stat+`
		[ $5 = 0 ] && t="no terminal" || t=terminal
		[ $3 = $$ ] && g="of its own" || g="of its parent"
		[ $6 = $3 ] && f=foreground || f=background
		echo "$t, group $g, $f"`)
	c.Stdin, c.Stdout, c.Stderr, c.SysProcAttr = os.Stdin, os.Stdout, os.Stderr, &sys
	if err := c.Run(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func TestTerminalAttributes(t *testing.T) {
	for name, tt := range atTerminal {
		t.Run(name, func(t *testing.T) {
			_, slave := testproc.Terminal(t)
			leader := autokilltest.Helper(sessionRole, name)
			leader.Stdin = slave
			leader.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			out, err := leader.Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != tt.want {
				t.Errorf("%v: got %q, want %q", err, got, tt.want)
			}
		})
	}
}

// TestSetctty gives the child a session and a terminal. Ctty is a number of the
// child, which is another one in the parent.
func TestSetctty(t *testing.T) {
	_, slave := testproc.Terminal(t)
	got := script(t, stat+`[ $4 = $$ ] && [ $5 != 0 ] && [ $6 = $$ ] && echo leads it`, func(c *autokill.Cmd) {
		c.ExtraFiles = []*os.File{nil, slave}
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 4}
	})
	if got != "leads it" {
		t.Errorf("got %q", got)
	}
}

// TestSetcttyAsWithOSExec: a Ctty that is no descriptor of the child is refused by
// both, and neither starts anything.
func TestSetcttyAsWithOSExec(t *testing.T) {
	sys := &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 9}
	theirs, ours := exec.Command("/bin/true"), autokill.Command("/bin/true")
	theirs.SysProcAttr, ours.SysProcAttr = sys, sys
	if theirs.Run() == nil || ours.Run() == nil {
		t.Error("it was started")
	}
}
