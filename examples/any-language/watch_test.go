//go:build linux

package anylanguage

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// watched is a command, and watch.py, which has the only copy of its handle.
type watched struct {
	command, watcher *exec.Cmd
	stdin            *os.File           // of the command
	line             *testproc.Lifeline // standard output of both
}

func watch(t *testing.T, command ...string) *watched {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3 of Debian's package python3")
	}
	text, err := sources.ReadFile("python/watch.py")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	handle, give := os.NewFile(uintptr(pair[0]), "handle"), os.NewFile(uintptr(pair[1]), "socket")
	defer handle.Close()
	stdin, prompt, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { prompt.Close() })

	w := &watched{stdin: prompt, line: testproc.NewLifeline(t)}
	w.command = exec.Command("autokill", append([]string{"exec", "--fd", "3", "--"}, command...)...)
	w.command.Stdin = stdin
	w.begin(t, w.command, give)
	stdin.Close()
	give.Close()
	// The hang-up of the other end: the exec has happened.
	hungUp := []unix.PollFd{{Fd: int32(handle.Fd())}}
	_, err = unix.Poll(hungUp, -1)
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Poll(hungUp, -1)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.watcher = exec.Command("python3", "-c", string(text), "3")
	w.begin(t, w.watcher, handle)
	w.line.Cut()
	w.expect(t, "watches tree\n")
	return w
}

func (w *watched) begin(t *testing.T, cmd *exec.Cmd, socket *os.File) {
	t.Helper()
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stdout, cmd.Stderr = w.line.End(), os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// say writes to the command.
func (w *watched) say(t *testing.T, word string) {
	t.Helper()
	if _, err := w.stdin.WriteString(word); err != nil {
		t.Fatal(err)
	}
}

// expect reads what one of the two says next.
func (w *watched) expect(t *testing.T, want string) {
	t.Helper()
	w.line.Deadline(t, time.Now().Add(testproc.Patience))
	said := make([]byte, len(want))
	if _, err := io.ReadFull(w.line, said); err != nil || string(said) != want {
		t.Fatalf("it said %q, %v; want %q", said, err, want)
	}
}

// TestWatcherHolds: the copy of another program keeps the command alive, and kills it.
func TestWatcherHolds(t *testing.T) {
	w := watch(t, "cat")
	w.say(t, "alive\n")
	w.expect(t, "alive\n")
	if err := w.watcher.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	w.line.AllGone(t)
}

// TestWatcherTells: who has got a handle learns how the command has ended, though it is not
// the parent.
func TestWatcherTells(t *testing.T) {
	w := watch(t, "sh", "-c", "read go; exit 3")
	w.say(t, "go\n")
	_ = w.command.Wait()
	if status := w.command.ProcessState.ExitCode(); status != 3 {
		t.Errorf("%v, want exit status 3", w.command.ProcessState)
	}
	if testproc.KernelAtLeast(6, 15) {
		w.expect(t, "ended 3\n")
	} else {
		w.expect(t, "ended None\n")
	}
}

// TestWatcherDistrusts: a socket with something else in its queue is no handle.
func TestWatcherDistrusts(t *testing.T) {
	text, err := sources.ReadFile("python/watch.py")
	if err != nil {
		t.Fatal(err)
	}
	for name, message := range map[string]string{
		"another message": "hello",
		"without a pidfd": "autokill\x01\x00\x00\x00\x07\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("python3"); err != nil {
				t.Skip("needs python3 of Debian's package python3")
			}
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			handle, other := os.NewFile(uintptr(pair[0]), "handle"), os.NewFile(uintptr(pair[1]), "socket")
			defer handle.Close()
			defer other.Close()
			if _, err := other.WriteString(message); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("python3", "-c", string(text), "3")
			cmd.ExtraFiles = []*os.File{handle}
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "ValueError: no handle") {
				t.Errorf("%v, it said %s", err, out)
			}
		})
	}
}
