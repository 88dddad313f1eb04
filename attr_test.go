//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
)

// script runs a shell script with changes to the Cmd and gives what it printed.
func script(t *testing.T, text string, change func(*autokill.Cmd)) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := autokill.Command("/bin/sh", "-c", text)
	c.Stdout, c.Stderr = w, w
	if change != nil {
		change(c)
	}
	err = c.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Process.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// stat are the fields of /proc/self/stat from the state on (proc(5)): parent is
// 1, process group 2, session 3.
const stat = `read line </proc/self/stat; set -- ${line##*) }; `

func TestAttributes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script string
		sys    syscall.SysProcAttr
		want   string
		root   bool
	}{
		{"Setsid", stat + `[ $4 = $$ ] && echo leader`, syscall.SysProcAttr{Setsid: true}, "leader", false},
		{"Setpgid", stat + `[ $3 = $$ ] && [ $4 != $$ ] && echo group`, syscall.SysProcAttr{Setpgid: true}, "group", false},
		{"Pgid", stat + `echo $3`, syscall.SysProcAttr{Setpgid: true, Pgid: unix.Getpgrp()}, fmt.Sprint(unix.Getpgrp()), false},
		{
			"Credential", `id -u; id -g; id -G`,
			syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1234, Gid: 2345, Groups: []uint32{2345, 77}}},
			"1234\n2345\n2345 77", true,
		},
		{"CLONE_NEWUTS", `hostname inside && hostname`, syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUTS}, "inside", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			if got := script(t, tt.script, func(c *autokill.Cmd) { c.SysProcAttr = &tt.sys }); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestChroot: the path of the program is inside the new root.
func TestChroot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	err := (&autokill.Cmd{Path: "/no-such-program", SysProcAttr: &syscall.SysProcAttr{Chroot: t.TempDir()}}).Run()
	if !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), "execve /no-such-program") {
		t.Errorf("got %v", err)
	}
	if got := script(t, "echo here", func(c *autokill.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Chroot: "/"} }); got != "here" {
		t.Errorf("got %q", got)
	}
}

// TestCredentialLeavesTheParentDumpable: the uid changes on memory that is ours.
func TestCredentialLeavesTheParentDumpable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dumpable := func() int {
		n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := dumpable()
	script(t, "true", func(c *autokill.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1, Gid: 1}}
	})
	if after := dumpable(); after != before {
		t.Errorf("PR_GET_DUMPABLE was %d and is %d", before, after)
	}
}

func TestPidFD(t *testing.T) {
	fd := -1
	c := autokill.Command("true")
	c.SysProcAttr = &syscall.SysProcAttr{PidFD: &fd}
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if fd < 0 {
		t.Fatal("PidFD was not set")
	}
	if err := unix.PidfdSendSignal(fd, 0, nil, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the pidfd of a reaped child answers %v", err)
	}
	if err := unix.Close(fd); err != nil {
		t.Error(err)
	}
}

func TestDirAndEnv(t *testing.T) {
	dir := t.TempDir()
	got := script(t, `echo "$PWD $A"; pwd`, func(c *autokill.Cmd) {
		c.Dir = dir
		c.Env = []string{"A=first", "A=last"}
	})
	if want := dir + " last\n" + dir; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNofileAsWithOSExec compares with the limit that os/exec gives.
func TestNofileAsWithOSExec(t *testing.T) {
	out, err := exec.Command("/bin/sh", "-c", "ulimit -S -n; ulimit -H -n").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := script(t, "ulimit -S -n; ulimit -H -n", nil), strings.TrimSpace(string(out)); got != want {
		t.Errorf("RLIMIT_NOFILE of the child is %q, with os/exec %q", got, want)
	}
}
