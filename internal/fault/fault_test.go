//go:build linux && (amd64 || arm64)

package fault

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]func([]string) int{
		"entering": func([]string) int {
			fmt.Fprintln(os.Stderr, Enter(0, testproc.Exe, []string{testproc.Exe}, testproc.RoleEnv("caller")))
			return 1
		},
		"caller": caller,
	})
}

// caller makes calls in a stretch each time that it gets a word, and says what came of them.
func caller([]string) int {
	out := os.NewFile(0, "socket")
	for word := make([]byte, 1); ; {
		if n, err := out.Read(word); n == 0 || err != nil {
			return 0
		}
		unix.Getppid() // not seen: out of a stretch
		Begin()
		_, _, first := unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
		_, _, second := unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
		_, _ = unix.Write(0, nil) // not seen: traffic
		runtime.GC()              // what the runtime does is not either
		child := exec.Command("true")
		err := child.Run()
		Finish()
		fmt.Fprintln(out, int(first), int(second), err)
	}
}

func TestSupervisor(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "socket")
	cmd := testproc.Command("entering")
	cmd.Stdin = theirs
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	ours := os.NewFile(uintptr(pair[0]), "socket")
	defer ours.Close()
	listener, err := Receive(pair[0])
	if err != nil {
		t.Fatal(err)
	}
	s := Supervise(listener, cmd.Process.Pid)
	fail := Site{Process: 0, Call: "getppid", Nth: 2}
	s.Watch(func(site Site) syscall.Errno {
		if site == fail {
			return unix.EXDEV
		}
		return 0
	})
	lines := bufio.NewScanner(ours)
	for range 2 {
		if _, err := ours.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || lines.Text() != fmt.Sprintf("0 %d <nil>", unix.EXDEV) {
			t.Errorf("the program got %q", lines.Text())
		}
		trace := s.Trace()
		for _, want := range []Site{{0, "getppid", 1}, fail, {1, "execve", 1}, {0, End, 1}} {
			if !slices.Contains(trace, want) {
				t.Errorf("%v was not seen, but %v", want, trace)
			}
		}
		for _, site := range trace {
			if site.Call == "getppid" && site.Nth > 2 || site.Process == 1 && strings.HasPrefix(site.Call, "open") {
				t.Errorf("%v was seen", site)
			}
		}
	}
	if err := unix.Shutdown(pair[0], unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	<-s.Gone()
	if s.Err() != nil {
		t.Error(s.Err())
	}
}
