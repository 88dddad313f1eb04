//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
	"github.com/autokill/autokill/pidfd"
)

// walkHolders is how many processes have handles in a walk, and walkChildren how many
// children there are at most.
const (
	walkHolders  = 5
	walkChildren = 200
)

// walk is a random walk over everything that happens to handles. After each step
// those who live are those who live in the world.
var walk = []clause{{"TestL3_RandomWalk", func(t *testing.T, s suite) {
	steps := times(10_000, 80)
	seed := uint64(time.Now().UnixNano())
	w := &walking{suite: s, world: newWorld(walkHolders), alive: map[int]*pidfd.FD{}}
	defer w.end(t)
	for range walkHolders {
		w.walkers = append(w.walkers, nil)
		w.mail = append(w.mail, nil)
	}
	for i := range w.walkers {
		w.respawn(t, i)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	counts, peak := make([]int, len(eventNames)), 0
	for step := range steps {
		e := w.world.pick(r, walkChildren)
		counts[e.kind]++
		peak = max(peak, len(w.alive))
		w.trace = append(w.trace, fmt.Sprintf("%d: %s %+v", step, eventNames[e.kind], e))
		w.step(t, e)
		if t.Failed() {
			t.Fatalf("seed %d, the last steps:\n%s", seed, strings.Join(w.trace[max(0, len(w.trace)-30):], "\n"))
		}
	}
	t.Logf("%v: %d steps, at most %d children at once, seed %d: %s", s.Mechanism, steps, peak, seed, describeCounts(counts))
}}}

func describeCounts(counts []int) string {
	var parts []string
	for kind, n := range counts {
		parts = append(parts, fmt.Sprintf("%s %d", eventNames[kind], n))
	}
	return strings.Join(parts, ", ")
}

// walking is a walk in progress.
type walking struct {
	suite
	world   *world
	walkers []*walker
	mail    []*os.File // our ends, in the order of the world's boxes
	alive   map[int]*pidfd.FD
	trace   []string
}

// walker is a holder.
type walker struct {
	*told
	mail *os.File // our end of its socket
}

const walkerRole = "walker"

// respawn starts a holder. Its mail is that of the newest box.
func (w *walking) respawn(t *testing.T, i int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "mail")
	defer theirs.Close()
	p := &walker{startTold(t, walkerRole, []string{w.name}, theirs), os.NewFile(uintptr(pair[0]), "mail")}
	w.walkers[i] = p
	for box := range w.world.boxes {
		if w.world.boxes[box].holder == i {
			if box == len(w.mail) {
				w.mail = append(w.mail, nil)
			}
			w.mail[box] = p.mail
		}
	}
}

// ask makes a holder do something.
func (p *walker) ask(t *testing.T, format string, args ...any) string {
	t.Helper()
	if _, err := fmt.Fprintf(p.stdin, format+"\n", args...); err != nil {
		t.Fatal(err)
	}
	answer := p.line(t)
	rest, ok := strings.CutPrefix(answer, "ok")
	if !ok {
		t.Fatalf("the answer to %q is %q", fmt.Sprintf(format, args...), answer)
	}
	return strings.TrimSpace(rest)
}

// step lets something happen, and looks who is alive then.
func (w *walking) step(t *testing.T, e event) {
	t.Helper()
	p := w.walkers[e.holder]
	switch e.kind {
	case startChild:
		pid, _ := strconv.Atoi(p.ask(t, "start %d", e.new))
		observer, err := pidfd.Open(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.alive[e.child] = observer
	case dupRef:
		p.ask(t, "dup %d %d", e.ref, e.new)
	case closeRef:
		p.ask(t, "close %d", e.ref)
	case sendRef:
		p.ask(t, "send %d", e.ref)
	case routeRef:
		route(t, w.mail[e.box], p.mail)
	case receiveRef:
		p.ask(t, "receive %d", e.new)
	case discardBox:
		w.mail[e.box].Close()
		w.mail = slices.Delete(w.mail, e.box, e.box+1)
	case execHolder:
		p.ask(t, "exec")
	case killHolder:
		p.kill(t)
		p.out.Close()
	}
	dead := w.world.happen(e)
	if e.kind == killHolder {
		w.respawn(t, e.holder)
	}
	for _, child := range dead {
		if !diesWithin(t, w.alive[child], testproc.Patience) {
			t.Errorf("child %d lives, and nobody has its handle", child)
		}
		w.alive[child].Close()
		delete(w.alive, child)
	}
	for child, observer := range w.alive {
		if diesWithin(t, observer, 0) {
			t.Errorf("child %d is dead, and %d have its handle", child, w.world.children[child])
		}
	}
	if e.kind == killHolder {
		testproc.ReapAll()
	}
}

func diesWithin(t *testing.T, observer *pidfd.FD, limit time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := observer.Wait(ctx)
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	return err == nil
}

// route takes one message out of a socket and puts it into another one.
func route(t *testing.T, from, to *os.File) {
	t.Helper()
	text, control := make([]byte, 64), make([]byte, unix.CmsgSpace(4))
	receive := func() (n, size int, err error) {
		n, size, _, _, err = unix.Recvmsg(int(from.Fd()), text, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		return n, size, err
	}
	n, size, err := receive()
	if errors.Is(err, unix.ECONNRESET) { // told once: the other end died before it had read all
		n, size, err = receive()
	}
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:size])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d control messages, %v", len(messages), err)
	}
	files, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendmsg(int(to.Fd()), text[:n], unix.UnixRights(files...), nil, unix.MSG_DONTWAIT); err != nil {
		t.Fatal(err)
	}
	for _, fd := range files {
		_ = unix.Close(fd)
	}
}

// end kills all holders, and so all children.
func (w *walking) end(t *testing.T) {
	for _, p := range w.walkers {
		if p != nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
			p.out.Close()
		}
	}
	for _, mail := range w.mail {
		mail.Close()
	}
	for child, observer := range w.alive {
		if !diesWithin(t, observer, testproc.Patience) {
			t.Errorf("child %d has survived", child)
		}
		observer.Close()
	}
	testproc.ReapAll()
}

// walkerOf is the role of a holder. It says "ok" to whatever it has done.
func walkerOf(subjects Subjects, args []string) int {
	subject := subjects[args[0]]
	mail := socketAt(3) // the descriptor itself stays open through an exec
	refs := map[string]*autokill.Process{}
	handles, err := autokill.Inherited()
	check(err)
	for name, handed := range handles {
		refs[name] = handed.Process
	}
	if len(os.Args) > 2 {
		fmt.Println("ok") // the answer to exec
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := append(strings.Fields(lines.Text()), "", "")
		answer := ""
		switch p := refs[words[1]]; words[0] {
		case "start":
			c := subject.Command("sleep", "1000")
			check(c.Start())
			refs[words[1]] = c.Process
			answer = strconv.Itoa(c.Process.Pid)
		case "dup":
			file, err := p.File()
			check(err)
			refs[words[2]], err = autokill.FromFile(file)
			check(err)
		case "close":
			check(p.Close())
			delete(refs, words[1])
		case "send":
			check(p.Send(mail))
		case "receive":
			refs[words[1]], err = autokill.Receive(mail)
			check(err)
		case "exec":
			handles := map[string]autokill.Handed{}
			for name, p := range refs {
				handles[name] = autokill.Handed{Process: p}
			}
			check(autokill.Exec(testproc.Exe, []string{os.Args[0], args[0], "again"}, testproc.RoleEnv(walkerRole), handles))
		}
		fmt.Println("ok", answer)
	}
	return 0
}
