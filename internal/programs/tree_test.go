//go:build linux

package programs

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill/internal/testproc"
)

// The tree that peers are measured by. Each member holds a connection to the test
// that ends with it, whatever its pid is and whoever its parent.
var members = []string{"the child", "a grandchild in its group", "a grandchild with setsid", "a double-forked one"}

const socketEnv = "AUTOKILL_TEST_SOCKET"

// member is one process of the tree: it starts those below it, says which it is, and
// waits for the end of the test.
func member(args []string) int {
	which := members[0]
	if len(args) > 0 {
		which = args[0]
	}
	start := func(which string, setsid bool) *exec.Cmd {
		cmd := testproc.Command("member", which)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: setsid}
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return cmd
	}
	switch which {
	case members[0]:
		start(members[1], false)
		start(members[2], true)
		_ = start("the one between", true).Wait()
	case "the one between":
		start(members[3], false)
		return 0
	}
	conn, err := net.Dial("unix", os.Getenv(socketEnv))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(conn, which)
	_, _ = io.Copy(io.Discard, conn)
	return 0
}

// tree is the one that a tool has started, by its connections.
type tree struct {
	*testing.T
	dir      string
	listener *net.UnixListener
	alive    map[string]net.Conn
}

func newTree(t *testing.T) *tree {
	t.Helper()
	// Not t.TempDir: the path of a socket has to be short.
	dir, err := os.MkdirTemp("", "tree")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	tr := &tree{T: t, dir: dir, listener: listener, alive: map[string]net.Conn{}}
	t.Cleanup(func() {
		listener.Close()
		for _, conn := range tr.alive {
			conn.Close()
		}
	})
	return tr
}

// script is a program that becomes the first member, whatever environment a tool
// gives it.
func (tr *tree) script() string {
	tr.Helper()
	exe, err := os.Executable()
	if err != nil {
		tr.Fatal(err)
	}
	env := testproc.RoleEnv("member")
	return write(filepath.Join(tr.dir, "member"), fmt.Sprintf("#!/bin/sh\nexport '%s' '%s=%s'\nexec %s\n",
		env[len(env)-1], socketEnv, tr.listener.Addr(), exe))
}

// said is where a tool prints; what it has printed is shown if the test fails.
func (tr *tree) said() *os.File {
	tr.Helper()
	file, err := os.OpenFile(filepath.Join(tr.dir, "said"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		tr.Fatal(err)
	}
	tr.Cleanup(func() {
		file.Close()
		if text, _ := os.ReadFile(file.Name()); tr.Failed() && len(text) > 0 {
			tr.Logf("it said:\n%s", text)
		}
	})
	return file
}

// grow waits until all members are there.
func (tr *tree) grow() {
	tr.Helper()
	deadline := time.Now().Add(testproc.Patience)
	_ = tr.listener.SetDeadline(deadline)
	for len(tr.alive) < len(members) {
		conn, err := tr.listener.Accept()
		if err != nil {
			tr.Fatalf("%v; there are %d of %d members", err, len(tr.alive), len(members))
		}
		_ = conn.SetReadDeadline(deadline)
		which, err := bufio.NewReader(conn).ReadString('\n')
		which = strings.TrimSuffix(which, "\n")
		if err != nil || !slices.Contains(members, which) || tr.alive[which] != nil {
			tr.Fatalf("member %q: %v", which, err)
		}
		tr.alive[which] = conn
	}
}

// survivors are the members that are still there at that time.
func (tr *tree) survivors(deadline time.Time) map[string]bool {
	left := map[string]bool{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for which, conn := range tr.alive {
		all.Go(func() {
			_ = conn.SetReadDeadline(deadline)
			if _, err := conn.Read(make([]byte, 1)); os.IsTimeout(err) {
				mu.Lock()
				defer mu.Unlock()
				left[which] = true
			}
		})
	}
	all.Wait()
	return left
}
