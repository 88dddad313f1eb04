//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

const holderRole = "holder"

// startedForm is how a holder says who its child is, and which descriptor the handle.
const startedForm = "started %d %d"

// Descriptors of a holder beyond the standard ones.
const (
	holderStdin  = 3 // the echo's
	holderStdout = 4
	holderSocket = 5 // to the test
)

// holder is the other side of a [held]: a process that starts an echo and lets go
// of it in one way or another.
type holder struct {
	subject Subject
	process *autokill.Process
	handle  int // the descriptor's number
}

// hold is the role. Its arguments are the subject, the manner of letting go, and
// perhaps an attack that the child shall make.
func hold(subjects Subjects, args []string, begin func(*autokill.Cmd) (*autokill.Process, error)) int {
	h := &holder{subject: subjects[args[0]]}
	act := manners[args[1]]
	if h.subject.Command == nil || act == nil {
		fmt.Fprintf(os.Stderr, "holder: cannot %q\n", args)
		return 1
	}
	in, out := os.NewFile(holderStdin, "in"), os.NewFile(holderStdout, "out")
	c := h.subject.Command("cat")
	if len(args) > 2 {
		c = attacker(h.subject.Command, args[2])
	}
	c.Stdin, c.Stdout, c.Stderr = in, out, os.Stderr
	before := testproc.OpenDescriptors()
	process, err := begin(c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "holder:", err)
		return 1
	}
	in.Close()
	out.Close()
	h.process = process
	h.handle = newHandle(before)
	if h.handle < 0 {
		fmt.Fprintln(os.Stderr, "holder: cannot find the handle among the descriptors")
		return 1
	}
	h.say(fmt.Sprintf(startedForm, h.process.Pid, h.handle))
	h.await()
	return act(h)
}

func (h *holder) say(word string) { fmt.Println(word) }

// await returns when the test tells us to go on. If the test is gone, so are we.
func (h *holder) await() { h.line() }

// line reads byte by byte: what comes after it may be meant for the program that the
// holder becomes.
func (h *holder) line() string {
	var line []byte
	for b := make([]byte, 1); b[0] != '\n'; line = append(line, b[0]) {
		if _, err := os.Stdin.Read(b); err != nil {
			os.Exit(3)
		}
	}
	return string(line)
}

// drop lets go of the handle as a crash would, without the help of the library.
func (h *holder) drop() { drop(h.handle) }

// drop puts another file in the handle's place: closing the number would let the
// next file have it, and the library still believes that the number is its own.
func drop(handle int) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(err)
	check(unix.Dup3(null, handle, unix.O_CLOEXEC))
	check(unix.Close(null))
}

// newHandle finds the handle among the descriptors that are new: a socket with a parcel
// in its queue, or a pidfd that has the PIDFD_AUTOKILL bit.
func newHandle(before map[int]string) int {
	for n, what := range testproc.OpenDescriptors() {
		if before[n] == what {
			continue
		}
		if strings.HasPrefix(what, "socket:") && hasParcel(n) {
			return n
		}
		if strings.Contains(what, "pidfd") {
			flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFL, 0)
			check(err)
			if flags&unix.O_TRUNC != 0 {
				return n
			}
		}
	}
	return -1
}

// hasParcel looks at the first message without taking it.
func hasParcel(socket int) bool {
	text := make([]byte, 8)
	n, _, err := unix.Recvfrom(socket, text, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == nil && string(text[:n]) == "autokill"
}

// manners are the ways of letting go. Each says "done" where the test is to look
// before it tells it to go on.
var manners = map[string]func(*holder) int{
	"kill":  func(h *holder) int { h.await(); return 4 }, // the test does it
	"close": func(h *holder) int { h.process.Close(); h.say("done"); h.await(); return 0 },
	"exit":  func(*holder) int { return 0 },
	"panic": func(*holder) int { go panic("on purpose"); select {} },
	"exec": func(*holder) int {
		fmt.Fprintln(os.Stderr, "holder: exec:", unix.Exec("/bin/sleep", []string{"sleep", "1000"}, nil))
		return 1
	},
	"dup": func(h *holder) int {
		second, err := unix.Dup(h.handle)
		check(err)
		h.drop()
		h.say("done")
		h.await()
		check(unix.Close(second))
		h.say("done")
		h.await()
		return 0
	},
	"inherit": func(h *holder) int {
		_, err := unix.FcntlInt(uintptr(h.handle), unix.F_SETFD, 0)
		check(err)
		fmt.Fprintln(os.Stderr, "holder: exec:", unix.Exec("/bin/cat", []string{"cat"}, nil))
		return 1
	},
	"fork": func(h *holder) int {
		// A copy of our descriptors in a process that execs nothing, as a plain
		// fork makes it, is an exec that keeps them.
		c := exec.Command("/bin/cat")
		c.Stdin, c.Stdout = os.Stdin, os.Stdout
		c.ExtraFiles = []*os.File{os.NewFile(uintptr(h.handle), "handle")}
		check(c.Start())
		os.Exit(0)
		return 0
	},
	"flight": func(h *holder) int {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		check(err)
		check(unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(h.handle), nil, 0))
		h.drop()
		h.say("done")
		h.await()
		check(unix.Close(pair[0]))
		check(unix.Close(pair[1]))
		h.say("done")
		h.await()
		return 0
	},
	"send": func(h *holder) int {
		check(unix.Sendmsg(holderSocket, []byte{0}, unix.UnixRights(h.handle), nil, 0))
		h.say("done")
		h.await()
		return 0
	},
	"observe": func(h *holder) int {
		// None of these may count as a reference.
		_, err := unix.PidfdOpen(h.process.Pid, 0)
		check(err)
		_, err = h.process.Observer()
		check(err)
		// A socket cannot be opened again, and of a pidfd that gives an observer.
		_, _ = unix.Open(fmt.Sprintf("%s/self/fd/%d", testproc.Proc(), h.handle), unix.O_RDWR, 0)
		observeByHandle(h.handle)
		h.drop()
		h.say("done")
		h.await()
		return 0
	},
	"garbage": func(h *holder) int { return h.forget() },
	"release": func(h *holder) int {
		check(h.process.Release())
		return h.forget()
	},
	"bereaved": func(h *holder) int {
		<-h.process.Done()
		return h.forget()
	},
	"bereaved and released": func(h *holder) int {
		<-h.process.Done()
		check(h.process.Release())
		return h.forget()
	},
	"released and bereaved": func(h *holder) int {
		done := h.process.Done()
		check(h.process.Release())
		<-done
		return h.forget()
	},
	"share":    share,
	"devour":   devour,
	"besiege":  besiege,
	"spied on": spiedHolder,
}

// forget makes garbage of the Process.
func (h *holder) forget() int {
	h.process = nil
	for range 5 {
		runtime.GC()
	}
	h.say("done")
	h.await()
	return 0
}

// observeByHandle opens a pidfd by its file handle, open_by_handle_at(2), which pidfs
// knows since Linux 6.14. A socket has none.
func observeByHandle(fd int) {
	if what, err := os.Readlink(fmt.Sprintf("%s/self/fd/%d", testproc.Proc(), fd)); err != nil || !strings.Contains(what, "pidfd") {
		return
	}
	name, _, err := unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH)
	check(err)
	_, err = unix.OpenByHandleAt(fd, name, 0)
	check(err)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "holder:", err)
		os.Exit(1)
	}
}

// devour allocates until the OOM killer comes. The test has put us into a cgroup
// that has little memory.
func devour(*holder) int {
	var hoard [][]byte
	for {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = 1
		}
		hoard = append(hoard, block)
		if len(hoard) > 1<<10 {
			return 5
		}
	}
}

// held is a holder process as the test sees it.
type held struct {
	*echo
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *os.File
	lines  *bufio.Reader // of stdout
	socket *os.File

	child  int // the child's pid
	handle int // the number of the handle in the holder
}

// hold starts a holder that has started an echo, and will do in the given manner
// when told to.
func (s suite) hold(t *testing.T, manner string, attack ...string) *held {
	t.Helper()
	h := s.startHolder(t, manner, attack...)
	h.ping(t)
	return h
}

func (s suite) startHolder(t *testing.T, manner string, attack ...string) *held {
	t.Helper()
	h := &held{echo: newEcho(t)}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.socket = os.NewFile(uintptr(pair[0]), "socket")
	theirs := os.NewFile(uintptr(pair[1]), "socket")
	role := holderRole
	if s.attached {
		role = binderRole
	}
	h.cmd = testproc.Command(role, append([]string{s.name, manner}, attack...)...)
	h.cmd.ExtraFiles = []*os.File{h.echo.stdin, h.echo.stdout, theirs}
	h.cmd.SysProcAttr = s.holder
	if manner == "panic" {
		h.cmd.Stderr = nil
	}
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, theirStdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	h.stdout, h.cmd.Stdout = stdout, theirStdout
	h.lines = bufio.NewReader(stdout)
	err = h.cmd.Start()
	theirs.Close()
	theirStdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	h.handOver()
	s.bind(t, h.echo)
	t.Cleanup(func() {
		h.kill()
		h.socket.Close()
		h.stdout.Close()
	})
	deadline(t, h.stdout)
	line, err := h.lines.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscanf(line, startedForm, &h.child, &h.handle)
	}
	if err != nil {
		t.Fatalf("the holder said %q: %v", line, err)
	}
	return h
}

// expect waits for what the holder says.
func (h *held) expect(t *testing.T, word string) {
	t.Helper()
	deadline(t, h.stdout)
	line, err := h.lines.ReadString('\n')
	if err != nil || line != word+"\n" {
		t.Fatalf("the holder said %q (%v), want %q", line, err, word)
	}
}

// tell makes the holder go on.
func (h *held) tell(t *testing.T) {
	t.Helper()
	h.tellWord(t, "")
}

// tellWord makes the holder go on with a word.
func (h *held) tellWord(t *testing.T, word string) {
	t.Helper()
	if _, err := io.WriteString(h.stdin, word+"\n"); err != nil {
		t.Fatalf("the holder is gone: %v", err)
	}
}

// kill ends the holder with SIGKILL and reaps it.
func (h *held) kill() {
	_ = h.cmd.Process.Signal(syscall.SIGKILL)
	_ = h.cmd.Wait()
}
