//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

// What ties a bystander, and a group.
var (
	byAttach      = model.Bond{Mechanism: model.Tripwire, Scope: model.Process, Attached: true}
	byAttachGroup = model.Bond{Mechanism: model.Tripwire, Scope: model.Group, Attached: true}
)

var attached = []clause{
	{"TestB2_WhatIsInForce", func(t *testing.T, _ suite) {
		b := newBystander(t, exec.Command("cat"))
		p := b.attach(t)
		if p.Pid != b.Process.Pid || p.Mechanism() != autokill.Tripwire || p.Scope() != autokill.ScopeProcess {
			t.Errorf("process %d by %v with scope %v", p.Pid, p.Mechanism(), p.Scope())
		}
		if members, err := p.Members(); err != nil || !slices.Equal(members, []int{p.Pid}) {
			t.Errorf("members %v, %v", members, err)
		}
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		b.gone(t)
	}},

	// Whoever waits with os/exec gets the status, whatever we do, and so do we.
	{"TestB2_OSExecWaits", func(t *testing.T, _ suite) {
		for _, tt := range []struct{ script, want string }{
			{"exit 0", "exit status 0"},
			{"exit 7", "exit status 7"},
			{"kill -TERM $$", "signal: terminated"},
		} {
			for _, order := range []string{"we first", "os/exec first", "both at once"} {
				cmd, in := waitsForEnd(t, tt.script)
				p := attach(t, cmd.Process.Pid)
				in.Close()
				theirs := make(chan string, 1)
				wait := func() {
					_ = cmd.Wait()
					theirs <- cmd.ProcessState.String()
				}
				switch order {
				case "we first":
					<-p.Done()
					go wait()
				case "os/exec first":
					wait()
				case "both at once":
					go wait()
				}
				state, err := p.Wait()
				if err != nil {
					t.Fatal(err)
				}
				if got := <-theirs; got != tt.want {
					t.Errorf("%s, %s: os/exec says %s, want %s", tt.script, order, got, tt.want)
				}
				// We are the parent, too; but os/exec may reap it first.
				agrees(t, model.Asking{Bond: byAttach, Stolen: order != "we first"}, state, tt.want)
			}
		}
	}},
	{"TestB2_SomebodyElsesChild", func(t *testing.T, _ suite) {
		pid, in := grandchild(t, "exit 7", "wait")
		p := attach(t, pid)
		in.Close()
		state, err := p.Wait()
		if err != nil {
			t.Fatal(err)
		}
		agrees(t, model.Asking{Bond: byAttach, Another: true}, state, "exit status 7")
	}},
	{"TestB2_ParentDoesNotReap", func(t *testing.T, s suite) {
		pid, in := grandchild(t, "exit 7", "exec sleep 1000")
		p := attach(t, pid)
		eventually(t, "exec of its parent", func() bool {
			stat, err := testproc.ReadProcess(pid)
			if err == nil {
				stat, err = testproc.ReadProcess(stat.PPID)
			}
			return err == nil && stat.Name == "sleep" // which knows of no child
		})
		in.Close()
		s.wait(t, p)
		if got := state(t, pid); got != "Z" {
			t.Errorf("state %q, want a zombie", got)
		}
		state, err := p.Wait()
		if err != nil {
			t.Fatal(err)
		}
		agrees(t, model.Asking{Bond: byAttach, Another: true, Unreaped: true}, state, "exit status 7")
	}},

	{"TestB2_BoundAlready", func(t *testing.T, s suite) {
		for _, closeFirst := range []bool{false, true} {
			first, e := s.start(t)
			second := attach(t, first.Pid)
			third := attach(t, first.Pid)
			e.after(
				t,
				model.Event{Kind: model.Attach, Holder: model.TheHolder, Child: model.TheChild, New: 2},
				model.Event{Kind: model.Attach, Holder: model.TheHolder, Child: model.TheChild, New: 3},
			)
			if closeFirst {
				first.Close()
				e.after(t, model.Closed)
			} else {
				third.Close()
				e.after(t, model.Event{Kind: model.Close, Ref: 3})
			}
			for _, p := range []*autokill.Process{first, second, third} {
				s.wait(t, p)
			}
		}
	}},
	{"TestB2_HandleTravels", func(t *testing.T, s suite) {
		cmd, in := waitsForEnd(t, "exit 7")
		first := attach(t, cmd.Process.Pid)
		file, err := first.File()
		if err != nil {
			t.Fatal(err)
		}
		second, err := autokill.FromFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if second.Pid != first.Pid || second.Scope() != first.Scope() {
			t.Errorf("process %d with scope %v, want %d with %v", second.Pid, second.Scope(), first.Pid, first.Scope())
		}
		first.Close()
		if err := second.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("it is gone, though a handle is left: %v", err)
		}
		in.Close()
		s.wait(t, second)
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
			t.Errorf("os/exec says %v, %v", cmd.ProcessState, err)
		}
		second.Close()

		b := newBystander(t, exec.Command("cat"))
		first = b.attach(t)
		if file, err = first.File(); err != nil {
			t.Fatal(err)
		}
		b.bound(t, byAttach)
		first.Close()
		b.after(t, model.Shared, model.Closed)
		file.Close()
		b.after(t, model.Event{Kind: model.Drop, Ref: model.TheOther})
	}},
	{"TestB2_EndsMeanwhile", func(t *testing.T, s suite) {
		rounds := times(300, 15)
		newBystander(t, exec.Command("cat")).attach(t) // what is opened once is open now
		before := testproc.Descriptors()
		bound := 0
		for i := range rounds {
			cmd := exec.Command("true")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for start := time.Now(); time.Since(start) < time.Duration(i%30)*50*time.Microsecond; {
				// Another moment each time.
			}
			p, err := autokill.Attach(cmd.Process.Pid)
			switch {
			case err == nil:
				bound++
				s.wait(t, p)
				if state, err := p.Wait(); err != nil || !state.Success() {
					t.Errorf("%v, %v", state, err)
				}
			case !errors.Is(err, os.ErrProcessDone):
				t.Errorf("round %d: %v", i, err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("os/exec says %v", err)
			}
		}
		if after := testproc.DescriptorsSoon(before); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
		t.Logf("%d of %d were bound before their end", bound, rounds)
	}},
	{"TestB2_AttacherKilledAtAnyMoment", func(t *testing.T, _ suite) {
		rounds := times(100, 5)
		outcomes := map[string]int{}
		for i := range rounds {
			outcomes[killAttacher(t, time.Duration(i%50)*200*time.Microsecond)]++
		}
		t.Logf("%v", outcomes)
	}},
	{"TestB2_Exhausted", func(t *testing.T, _ suite) {
		b := newBystander(t, exec.Command("cat"))
		out, err := testproc.Command(starvedRole, strconv.Itoa(b.Process.Pid)).Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Logf("%s", out)
		b.gone(t)
	}},

	{"TestB2_Group", func(t *testing.T, _ suite) {
		line, leader := newGroup(t, threeMore+"wait")
		p := attachGroup(t, leader)
		if p.Scope() != autokill.ScopeTree {
			t.Errorf("the scope is %v", p.Scope())
		}
		if members, err := p.Members(); err != nil || len(members) != 4 || !slices.Contains(members, leader) {
			t.Errorf("members %v, %v", members, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		allGone(t, line.Lifeline, byAttachGroup, itAndKin, model.Closed)
	}},
	{"TestB2_GroupLosesItsHolder", func(t *testing.T, _ suite) {
		line, leader := newGroup(t, threeMore+"wait")
		c := newClinger(t, nil, strconv.Itoa(leader), "group")
		c.begin(t)
		c.says(t, "bound")
		_ = c.Process.Kill()
		allGone(t, line.Lifeline, byAttachGroup, itAndKin, model.Killed)
	}},
	{"TestB2_GroupWithoutItsLeader", func(t *testing.T, s suite) {
		line, leader := newGroup(t, threeMore+"wait")
		p := attachGroup(t, leader)
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.wait(t, p)
		// The others still are bound, and nobody has reaped the leader.
		if fate := allowed(t, byAttachGroup, 1, model.Ended); fate != model.Lives {
			t.Errorf("the model says that the others %v", fate)
		}
		if members, err := p.Members(); err != nil || len(members) != 3 {
			t.Errorf("members %v, %v", members, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		allGone(t, line.Lifeline, byAttachGroup, itAndKin, model.Ended, model.Closed)
	}},
	{"TestB2_ReleasedGroup", func(t *testing.T, s suite) {
		line, leader := newGroup(t, "echo ready >&3; exec sleep 1000")
		p, err := autokill.AttachGroup(leader)
		if err != nil {
			t.Fatal(err)
		}
		const own = 2 // handle and observer
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s.wait(t, p)
		_ = line.cmd.Wait() // until now the leader, dead, has led the group
		before := testproc.Descriptors()
		if err := p.Release(); err != nil {
			t.Error(err)
		}
		if after := testproc.DescriptorsSoon(before - own); after != before-own {
			t.Errorf("%d descriptors before the release, %d after", before, after)
		}
		line.AllGone(t)
	}},
	{"TestB2_WhoLeavesAGroupSurvives", func(t *testing.T, s suite) {
		if _, err := exec.LookPath("setsid"); err != nil {
			t.Skip(err)
		}
		line, leader := newGroup(t, "setsid sh -c 'echo ready >&3; read x <&4; echo lives >&3' & wait")
		p := attachGroup(t, leader)
		p.Close()
		s.wait(t, p)
		line.feed.Close() // lets it go on
		want := map[model.Fates]string{model.Lives: "lives\n", model.Dies: ""}[allowed(t, byAttachGroup, 1, model.Left, model.Closed)]
		if said := line.AllGone(t); string(said) != want {
			t.Errorf("it said %q, want %q", said, want)
		}
	}},
}

// waitsForEnd starts a shell that runs a script when its input ends.
func waitsForEnd(t *testing.T, script string) (*exec.Cmd, io.Closer) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "read x; "+script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what a test that fails has left
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, in
}

// grandchild starts such a shell as the child of another one, which goes on with a
// script of its own.
func grandchild(t *testing.T, script, parent string) (pid int, in io.Closer) {
	t.Helper()
	theirs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	cmd := exec.Command("sh", "-c", "(read x <&3; "+script+") & echo $!; "+parent)
	cmd.ExtraFiles = []*os.File{theirs}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := fmt.Fscanln(out, &pid); err != nil {
		t.Fatal(err)
	}
	return pid, in
}

// threeMore are in the process group of a shell, which then says that it is ready.
const threeMore = "sleep 1000 & sleep 1000 & (sleep 1000 &); echo ready >&3; "

// group is a process group as a test sees it.
type group struct {
	*testproc.Lifeline          // of all its members, descriptor 3
	feed               *os.File // the other end of descriptor 4
	cmd                *exec.Cmd
}

// newGroup starts a shell that leads a process group, and says when it is ready.
func newGroup(t *testing.T, script string) (_ group, leader int) {
	t.Helper()
	theirs, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", script)
	g := group{testproc.NewLifeline(t), feed, cmd}
	cmd.ExtraFiles = []*os.File{g.End(), theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		feed.Close()
		if cmd.ProcessState == nil { // its number is its own
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
			_ = cmd.Wait()
		}
	})
	g.Cut()
	word := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(g, word); err != nil || string(word) != "ready\n" {
		t.Fatalf("the group says %q, %v", word, err)
	}
	return g, cmd.Process.Pid
}

func attachGroup(t *testing.T, leader int) *autokill.Process {
	t.Helper()
	p, err := autokill.AttachGroup(leader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(); <-p.Done() })
	return p
}

// killAttacher kills a process in the middle of an Attach, and says how far that had come.
func killAttacher(t *testing.T, after time.Duration) string {
	t.Helper()
	b := newBystander(t, exec.Command("cat"))
	c := newClinger(t, nil, strconv.Itoa(b.Process.Pid), "alone")
	c.begin(t)
	for start := time.Now(); time.Since(start) < after; {
		// Another moment each time.
	}
	_ = c.Process.Kill()
	said, err := io.ReadAll(c.out)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // now it has closed everything
	events := []model.Event{{Kind: model.Bystander, Child: model.TheChild}, {Kind: model.CutBind, Holder: model.TheHolder, Child: model.TheChild}}
	if len(said) > 0 { // told to be bound
		events = append(byAttach.Begin(), model.Killed)
	}
	b.world = model.New(byAttach)
	b.happens(t, events...)
	lives, fate := b.answers(t), b.world.Fate(model.TheChild, 0)
	switch {
	case lives && fate&model.Lives == 0, !lives && fate&model.Dies == 0:
		t.Errorf("it lives: %t, and the model says that it %v (%q)", lives, fate, said)
		return "not as it must be"
	case lives:
		b.attach(t).Close() // nothing is in the way
		b.gone(t)
		return "not bound yet"
	case len(said) > 0:
		return "bound"
	}
	return "bound in this moment"
}

// answers is ping, but the other outcome is allowed as well.
func (b bystander) answers(t *testing.T) bool {
	t.Helper()
	if _, err := b.say.WriteString("?"); err != nil {
		return false
	}
	deadline(t, b.hear)
	_, err := io.ReadFull(b.hear, make([]byte, 1))
	if err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	return err == nil
}

// clinger is a process that attaches another one, and holds it until its input ends.
type clinger struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

const clingerRole = "clinger"

// cling is the role. Its arguments are a pid, 0 for its own, and "alone" or "group".
func cling(args []string) int {
	attach := autokill.Attach
	if args[1] == "group" {
		attach = autokill.AttachGroup
	}
	pid, err := strconv.Atoi(args[0])
	check(err)
	if pid == 0 {
		pid = os.Getpid()
	}
	fmt.Println("ready")
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return 3
	}
	if _, err = attach(pid); err != nil {
		fmt.Println("refused:", strings.ReplaceAll(err.Error(), "\n", "; "))
		return 0
	}
	fmt.Println("bound")
	_, _ = in.ReadString('\n')
	return 0
}

func newClinger(t *testing.T, sys *syscall.SysProcAttr, args ...string) clinger {
	t.Helper()
	c := clinger{Cmd: testproc.Command(clingerRole, args...)}
	c.SysProcAttr = sys
	in, inErr := c.StdinPipe()
	out, outErr := c.StdoutPipe()
	if err := errors.Join(inErr, outErr, c.Start()); err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	c.says(t, "ready")
	return c
}

// begin lets it attach.
func (c clinger) begin(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(c.in, "\n"); err != nil {
		t.Fatal(err)
	}
}

// says fails the test unless its next line has these words in it.
func (c clinger) says(t *testing.T, words string) {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil || !strings.Contains(line, words) {
		t.Fatalf("the attaching process says %q, %v; want %q", line, err, words)
	}
}

const starvedRole = "starved"

// starve attaches with so few descriptors that it fails, with one more each time until it
// does not. All the while the process must live.
func starve(args []string) int {
	pid, err := strconv.Atoi(args[0])
	check(err)
	r, w, err := os.Pipe() // opens the poller, too
	check(err)
	check(errors.Join(r.Close(), w.Close()))
	lowest, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(err)
	check(unix.Close(lowest))
	var limit unix.Rlimit
	check(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	before := testproc.Descriptors()
	for more := range 300 {
		check(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(lowest + more), Max: limit.Max}))
		_, err := autokill.Attach(pid)
		check(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
		if err == nil {
			fmt.Printf("it takes %d descriptors", more)
			return 0
		}
		// Those in flight of all programs of this user count, too.
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ETOOMANYREFS) {
			check(fmt.Errorf("with %d descriptors: %w", more, err))
		}
		if after := testproc.DescriptorsSoon(before); after != before {
			check(fmt.Errorf("%d descriptors before, %d after", before, after))
		}
		check(unix.Kill(pid, 0))
		if stat, err := testproc.ReadProcess(pid); err != nil || stat.State == "Z" {
			check(fmt.Errorf("the process is dead: %+v, %w", stat, err))
		}
	}
	check(errors.New("300 descriptors are not enough"))
	return 1
}
