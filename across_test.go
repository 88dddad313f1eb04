//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// A container is where a second holder lives, as seen from this process, the first one.
type container struct {
	name    string
	place   string // see testproc.Denying
	sys     syscall.SysProcAttr
	runtime bool // crun or runc makes it
	root    bool // only root can make it
	numbers bool // it has a PID namespace: who is out here has no number in there
	blind   bool // it has no /proc
	weak    bool // its root may not look into an init of ours
}

var containersAcross = []container{
	{name: "a PID namespace", place: "own /proc", sys: syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}, root: true, numbers: true},
	{name: "a user namespace", sys: onlyUser(rootless()), weak: true},
	{name: "a user namespace with a range of users", sys: onlyUser(ranged()), root: true, weak: true},
	{name: "a mount namespace without /proc", place: "no /proc", sys: ownMounts, root: true, blind: true},
	{name: "a container of an ordinary user", place: "own /proc", sys: rootless(), numbers: true},
	{name: "a container of an ordinary user, no /proc", place: "own /proc,no /proc", sys: rootless(), numbers: true, blind: true},
	{name: "a container with a range of users", place: "own /proc", sys: ranged(), root: true, numbers: true},
	{name: "Docker's default profile", place: "docker", root: true, weak: true},
	{name: "a container of an OCI runtime with that profile", runtime: true, root: true, numbers: true},
}

func onlyUser(sys syscall.SysProcAttr) syscall.SysProcAttr {
	sys.Cloneflags = syscall.CLONE_NEWUSER
	return sys
}

// TestAcross: a handle is an ordinary descriptor in a container, too. It goes in, it comes
// back, and it comes out of one.
func TestAcross(t *testing.T) {
	if testproc.Denied() != "" {
		t.Skip("this is a container already")
	}
	for _, place := range testproc.Part(testproc.Half(containersAcross)) {
		t.Run(place.name, func(t *testing.T) {
			if place.root && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			for name, subject := range subjects {
				t.Run(name, func(t *testing.T) {
					if subject.Mechanism == autokill.Native {
						needNative(t)
					}
					t.Run("in", func(t *testing.T) { place.in(t, name) })
					if testing.Short() && subject.Scope != autokill.ScopeProcess {
						t.Run("out", func(t *testing.T) { place.out(t, name, "inside") })
						return // the rest is the same for all scopes
					}
					t.Run("in and back", func(t *testing.T) { place.inAndBack(t, name) })
					t.Run("in, and the status", func(t *testing.T) { place.status(t, name) })
					t.Run("out", func(t *testing.T) { place.out(t, name, "inside") })
					t.Run("out, and closed inside", func(t *testing.T) { place.out(t, name, "outside") })
				})
			}
		})
	}
}

// in: the holder inside is the last one, and is killed.
func (place container) in(t *testing.T, subject string) {
	e := newEcho(t)
	p := e.start(t, subject)
	i := place.enter(t, subject, e)
	if i.receives(t, p) {
		p.Close()
		e.ping(t)
		i.kill()
		e.AllGone(t)
	}
}

// inAndBack: the holder inside hands it back and ends.
func (place container) inAndBack(t *testing.T, subject string) {
	e := newEcho(t)
	first := e.start(t, subject)
	i := place.enter(t, subject, e)
	if !i.receives(t, first) {
		return
	}
	first.Close()
	i.tell(t, "send", "sent")
	p, err := autokill.Receive(i.conn)
	if err != nil {
		t.Fatal(err)
	}
	if p.Pid != first.Pid || p.Scope() != first.Scope() || p.Mechanism() != first.Mechanism() {
		t.Errorf("back came %v %v %d, not %v %v %d", p.Mechanism(), p.Scope(), p.Pid, first.Mechanism(), first.Scope(), first.Pid)
	}
	i.kill()
	e.ping(t)
	p.Close()
	ended(t, p)
	e.AllGone(t)
}

// status: the holder inside learns how the child has ended, or that this cannot be known.
func (place container) status(t *testing.T, subject string) {
	c := subjects[subject].Command("sh", "-c", "read line; exit 7")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = c.Wait()
	}()
	i := place.enter(t, subject, newEcho(t))
	if i.receives(t, c.Process) {
		in.Close()
		want := "exit status 7"
		if said := i.ask(t, "status"); said != want && (place.numbers && said != "unknown" || !place.numbers) {
			t.Errorf("the holder inside said %q, want %q", said, want)
		} else {
			t.Log(said)
		}
	}
}

// out: the child is started inside, and held inside and outside. The last one decides.
func (place container) out(t *testing.T, subject, last string) {
	e := newEcho(t)
	i := place.enter(t, subject, e)
	if !i.starts(t) {
		return
	}
	i.tell(t, "send", "sent")
	p, err := autokill.Receive(i.conn)
	if err != nil {
		t.Fatal(err)
	}
	e.ping(t) // its name is there a moment after the start
	if stat, err := testproc.ReadProcess(p.Pid); err != nil || stat.Name != "cat" {
		t.Errorf("outside it is %d, which is %+v, %v", p.Pid, stat, err)
	}
	if last == "outside" {
		i.tell(t, "close", "closed")
		e.ping(t)
		p.Close()
	} else {
		p.Close()
		e.ping(t)
		i.tell(t, "close", "closed")
	}
	ended(t, p)
	i.tell(t, "wait", "ended")
	i.kill() // a runtime has the child's pipes, too
	e.AllGone(t)
}

// ended waits for the end of the child.
func ended(t *testing.T, p *autokill.Process) {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(testproc.Patience):
		t.Fatalf("%d lives without a handle", p.Pid)
	}
}

// echo is a child that repeats what it hears, wherever it is.
type echo struct {
	*testproc.Lifeline
	stdin *os.File
	child *os.File // the end that the child reads from
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return &echo{testproc.NewLifeline(t), w, r}
}

// start starts it out here.
func (e *echo) start(t *testing.T, subject string) *autokill.Process {
	t.Helper()
	c := subjects[subject].Command("cat")
	c.Stdin, c.Stdout = e.child, e.End()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Close()
		<-c.Process.Done()
	})
	return c.Process
}

// ping shows that it lives.
func (e *echo) ping(t *testing.T) {
	t.Helper()
	e.Deadline(t, time.Now().Add(testproc.Patience))
	if _, err := io.WriteString(e.stdin, "x"); err != nil {
		t.Fatal(err)
	}
	if n, err := e.Read(make([]byte, 1)); n != 1 {
		t.Fatalf("the child is dead: %v", err)
	}
}

// insider is the holder in a container, as seen from out here.
type insider struct {
	container
	cmd   *exec.Cmd
	conn  *os.File
	in    io.WriteCloser
	lines *bufio.Reader
}

// enter starts the second holder. It has the child's ends of the pipes until it has
// started the child or received it.
func (place container) enter(t *testing.T, subject string, e *echo) *insider {
	t.Helper()
	conn, theirs := connection(t, unix.SOCK_STREAM)
	defer theirs.Close()
	t.Cleanup(func() { conn.Close() })
	c := testproc.Command(insiderRole, subject)
	if place.runtime {
		c = testproc.Container{Args: []string{"autokill.test", subject}, Inherits: 3, Env: testproc.RoleEnv(insiderRole)}.Command(t)
	}
	c.ExtraFiles = []*os.File{theirs, e.child, e.End()}
	c.Dir = "/"
	if place.place != "" {
		c.Env = testproc.Denying(c.Env, place.place)
	}
	sys := place.sys
	c.SysProcAttr = &sys
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	i := &insider{place, c, conn, in, bufio.NewReader(out)}
	t.Cleanup(i.kill)
	return i
}

// kill ends the holder inside, and not a runtime that watches over it and cleans up then.
func (i *insider) kill() {
	if i.runtime {
		for _, init := range testproc.Children(i.cmd.Process.Pid) {
			_ = unix.Kill(init.PID, unix.SIGKILL)
		}
	} else {
		_ = i.cmd.Process.Kill()
	}
	_ = i.cmd.Wait()
}

// ask makes it do something, and returns what it answers.
func (i *insider) ask(t *testing.T, word string) string {
	t.Helper()
	if _, err := io.WriteString(i.in, word+"\n"); err != nil {
		t.Fatal(err)
	}
	line, err := i.lines.ReadString('\n')
	if err != nil {
		t.Fatalf("%s: the holder inside said %q: %v", word, line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (i *insider) tell(t *testing.T, word, want string) {
	t.Helper()
	if said := i.ask(t, word); said != want {
		t.Fatalf("%s: the holder inside said %q, want %q", word, said, want)
	}
}

// receives hands a handle in, and says whether it can be had there.
func (i *insider) receives(t *testing.T, p *autokill.Process) bool {
	t.Helper()
	if err := p.Send(i.conn); err != nil {
		t.Fatal(err)
	}
	pid := p.Pid
	if i.numbers {
		pid = 0
	}
	said := i.ask(t, "receive")
	if i.blind && !testproc.KernelAtLeast(6, 13) {
		if !strings.Contains(said, "needs /proc") {
			t.Errorf("the holder inside said %q", said)
		}
		return false
	}
	scope := p.Scope()
	if p.Mechanism() == autokill.Native && scope == autokill.ScopePIDNamespace {
		switch {
		case i.numbers:
			scope = autokill.ScopeProcess // what is bound is an init, which nothing tells here
		case i.weak: // and so may not ask for its namespace
			if !strings.Contains(said, "whether it is of a PID namespace") || !strings.Contains(said, "permission denied") {
				t.Errorf("the holder inside said %q", said)
			}
			return false
		}
	}
	if want := fmt.Sprintf("%v %v %d", p.Mechanism(), scope, pid); said != want {
		t.Fatalf("the holder inside received %q, want %q", said, want)
	}
	return true
}

// starts makes it start the child, and says whether that can be done there.
func (i *insider) starts(t *testing.T) bool {
	t.Helper()
	switch said := i.ask(t, "start"); said {
	case "started":
		return true
	case "unsupported": // TestContractElsewhere knows where
		t.Log("cannot be started inside")
	default:
		t.Fatalf("the holder inside said %q", said)
	}
	return false
}

const insiderRole = "insider"

// inside is the role of the holder in a container: descriptor 3 leads to the test, 4 and 5
// are for the child.
func inside(args []string) int {
	conn := os.NewFile(3, "conn")
	stdin, stdout := os.NewFile(4, "stdin"), os.NewFile(5, "stdout")
	var p *autokill.Process
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var err error
		said := ""
		switch lines.Text() {
		case "receive":
			stdin.Close()
			stdout.Close()
			if p, err = autokill.Receive(conn); err == nil {
				said = fmt.Sprintf("%v %v %d", p.Mechanism(), p.Scope(), p.Pid)
			}
		case "start":
			c := subjects[args[0]].Command("cat")
			c.Stdin, c.Stdout = stdin, stdout
			err = c.Start()
			stdin.Close()
			stdout.Close()
			p, said = c.Process, "started"
			if errors.Is(err, errors.ErrUnsupported) {
				err, said = nil, "unsupported"
			}
		case "send":
			err, said = p.Send(conn), "sent"
		case "close":
			err, said = p.Close(), "closed"
		case "status":
			var state *autokill.ProcessState
			if state, err = p.Wait(); err == nil {
				said = "unknown"
				if state.Known() {
					said = state.String()
				}
			}
		case "wait":
			<-p.Done()
			said = "ended"
		}
		if err != nil {
			said = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		fmt.Println(said)
	}
	return 0
}
