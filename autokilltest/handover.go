//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
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

// handover are the clauses of a program that gives its children to the next one.
var handover = []clause{
	{"TestL5_TenExecsUnderLoad", func(t *testing.T, s suite) {
		const restarts = 10
		line := testproc.NewLifeline(t)
		c := startTold(t, dynastyRole, []string{s.name, "5", strconv.Itoa(restarts)}, line.End())
		first := ""
		for generation := range restarts + 1 {
			text := c.line(t)
			number, pids, _ := strings.Cut(text, ":")
			if number != strconv.Itoa(generation) || len(strings.Fields(pids)) != 5 {
				t.Fatalf("generation %d said %q", generation, text)
			}
			if first == "" {
				first = pids
			}
			if pids != first {
				t.Errorf("generation %d has%s instead of%s", generation, pids, first)
			}
		}
		// The last one is their parent still, so it knows how one of them ends. The parent of
		// a command in a PID namespace is the init, and whom that told is gone.
		ended := "signal: terminated"
		if s.Scope == autokill.ScopePIDNamespace && !statusIsTold() {
			ended = "ended, status unknown"
		}
		c.tell(t)
		c.expect(t, ended)
		c.kill(t)
		all := []model.Event{}
		for range restarts {
			all = append(all, leftTo...)
		}
		allGone(t, line, s.bond(), itAlone, append(all, model.Killed)...)
	}},
	{"TestL7_KilledInAHandoverByExec", func(t *testing.T, s suite) {
		for range times(100, 3) {
			line := testproc.NewLifeline(t)
			c := startTold(t, dynastyRole, []string{s.name, "3", "1000000"}, line.End())
			c.line(t)
			time.Sleep(rand.N(40 * time.Millisecond)) // chance picks the moment
			c.kill(t)
			allGone(t, line, s.bond(), itAlone, append(slices.Clone(leftTo), model.Killed)...)
			reapOrphans(t)
		}
	}},
	{"TestL5_HandedToASuccessor", func(t *testing.T, s suite) {
		h := s.startHandover(t)
		h.giver.expect(t, "given 3")
		h.taker.expect(t, "taken 3: data of 0, data of 1, data of 2")
		h.giver.kill(t)
		handed := append(slices.Clone(handedOver), model.Killed)
		h.counts(t, s, h.taker, handed...)
		h.taker.kill(t)
		allGone(t, h.line, s.bond(), itAlone, append(handed, anotherKilled)...)
		reapOrphans(t)
	}},
	{"TestL7_KilledInAHandover", func(t *testing.T, s suite) {
		rounds := times(60, 4)
		kept := 0
		for round := range rounds {
			h := s.startHandover(t)
			victim, other := h.giver, h.taker
			if round%2 == 0 {
				victim, other = h.taker, h.giver
			}
			time.Sleep(rand.N(8 * time.Millisecond)) // chance picks the moment
			victim.kill(t)
			word := other.line(t)
			var events []model.Event
			switch {
			case strings.HasPrefix(word, "kept"):
				kept++
				events = []model.Event{model.Sent, model.Gone}
				h.counts(t, s, other, events...) // the giver has its children still
				events = append(events, model.Killed)
			case strings.HasPrefix(word, "taken"):
				events = append(slices.Clone(handedOver), model.Killed)
				h.counts(t, s, other, events...)
				events = append(events, anotherKilled)
			case strings.HasPrefix(word, "given"): // to who has got it, and was killed
				events = append(slices.Clone(handedOver), anotherKilled)
			default: // none came, and the giver is dead
				events = []model.Event{model.Killed}
			}
			other.kill(t)
			allGone(t, h.line, s.bond(), itAlone, events...)
			reapOrphans(t)
		}
		t.Logf("%d handovers lost one side: no survivor; %d times the giver kept its children", rounds, kept)
	}},
}

// What a handover is, in the words of the model: by exec, and to a successor who confirms it.
var (
	leftTo        = []model.Event{{Kind: model.Inherit, Ref: model.TheRef}, model.Becomes}
	handedOver    = []model.Event{model.Sent, model.Arrived, model.Closed}
	anotherKilled = model.Event{Kind: model.Kill, Holder: model.Another}
)

// handingOver are two programs, one of which gives children to the other.
type handingOver struct {
	giver, taker *told
	line         *testproc.Lifeline // of the children
}

// counts fails the test unless who has the children finds as many alive as the model says.
func (h handingOver) counts(t *testing.T, s suite, who *told, events ...model.Event) {
	t.Helper()
	if fate := allowed(t, s.bond(), 0, events...); fate != model.Lives {
		t.Fatalf("the model says that the children %v, and this test wants them alive", fate)
	}
	who.tell(t)
	who.expect(t, "alive 3")
}

func (s suite) startHandover(t *testing.T) handingOver {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	line := testproc.NewLifeline(t)
	start := func(role string, socket int) *told {
		file := os.NewFile(uintptr(socket), "socket")
		defer file.Close()
		return startTold(t, role, []string{s.name}, file, line.End())
	}
	h := handingOver{giver: start(giverRole, pair[0]), line: line}
	h.giver.expect(t, "ready")
	h.taker = start(takerRole, pair[1])
	h.giver.tell(t)
	return h
}

// told is a program that says something and waits for a word.
type told struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *os.File
	lines *bufio.Reader
}

func startTold(t *testing.T, role string, args []string, files ...*os.File) *told {
	t.Helper()
	c := testproc.Command(role, args...)
	c.ExtraFiles = files
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = theirs
	err = c.Start()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		out.Close()
	})
	return &told{c, stdin, out, bufio.NewReader(out)}
}

func (p *told) line(t *testing.T) string {
	t.Helper()
	deadline(t, p.out)
	text, err := p.lines.ReadString('\n')
	if err != nil {
		t.Fatalf("said %q, %v", text, err)
	}
	return strings.TrimSuffix(text, "\n")
}

func (p *told) expect(t *testing.T, want string) {
	t.Helper()
	if got := p.line(t); got != want {
		t.Fatalf("said %q, want %q", got, want)
	}
}

func (p *told) tell(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(p.stdin, "\n"); err != nil {
		t.Fatal(err)
	}
}

func (p *told) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
}

const (
	giverRole = "giver"
	takerRole = "taker"
)

// giver is the role of a program with children, which it gives up when it is told to.
func giver(subjects Subjects, args []string) int {
	conn := socketAt(3)
	handles := map[string]autokill.Handed{}
	for i := range 3 {
		c := subjects[args[0]].Command("sleep", "1000")
		c.Stdout = os.NewFile(4, "lifeline")
		check(c.Start())
		handles[fmt.Sprint(i)] = autokill.Handed{Process: c.Process, Data: fmt.Appendf(nil, "data of %d", i)}
	}
	fmt.Println("ready")
	waitForWord()
	if err := autokill.HandOver(conn, handles); err != nil {
		fmt.Println("kept:", err)
		waitForWord()
		countAlive(handles)
		forever()
	}
	fmt.Printf("given %d\n", len(handles))
	return forever()
}

// taker is the role of its successor.
func taker(_ Subjects, _ []string) int {
	handles, err := autokill.TakeOver(socketAt(3))
	if err != nil {
		fmt.Println("none:", err)
		forever()
	}
	var data []string
	for _, name := range slices.Sorted(maps.Keys(handles)) {
		data = append(data, string(handles[name].Data))
	}
	fmt.Printf("taken %d: %s\n", len(handles), strings.Join(data, ", "))
	waitForWord()
	countAlive(handles)
	return forever()
}

func countAlive(handles map[string]autokill.Handed) {
	alive := 0
	for _, handed := range handles {
		if handed.Process.Signal(syscall.Signal(0)) == nil {
			alive++
		}
	}
	fmt.Println("alive", alive)
}

// forever returns never, and is not taken for a deadlock by the runtime.
func forever() int {
	for {
		time.Sleep(time.Hour)
	}
}

// waitForWord returns at the end of the input, too.
func waitForWord() { _, _ = os.Stdin.Read(make([]byte, 1)) }

// socketAt makes a connection of a descriptor, which stays open.
func socketAt(fd int) *os.File {
	second, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	check(err)
	check(unix.SetNonblock(second, true))
	return os.NewFile(uintptr(second), "socket")
}

const dynastyRole = "dynasty"

// dynasty is the role of a program that replaces itself again and again, while others of
// its goroutines start children.
func dynasty(subjects Subjects, args []string) int {
	subject := subjects[args[0]]
	count, _ := strconv.Atoi(args[1])
	restarts, _ := strconv.Atoi(args[2])
	handles, err := autokill.Inherited()
	check(err)
	line := os.NewFile(3, "lifeline")
	generation := 0
	if len(handles) == 0 {
		for i := range count {
			c := subject.Command("sleep", "1000")
			c.Stdout = line
			check(c.Start())
			handles[fmt.Sprint(i)] = autokill.Handed{Process: c.Process}
		}
	} else {
		generation, err = strconv.Atoi(string(handles["0"].Data))
		check(err)
		generation++
	}
	fmt.Printf("%d:", generation)
	for _, name := range slices.Sorted(maps.Keys(handles)) {
		fmt.Printf(" %d", handles[name].Process.Pid)
	}
	fmt.Println()
	if generation == restarts {
		waitForWord()
		p := handles["0"].Process
		check(p.Signal(syscall.SIGTERM))
		state, err := p.Wait()
		check(err)
		fmt.Println(state)
		forever()
	}
	for range 3 {
		go func() {
			for {
				_ = subject.Command("true").Run()
			}
		}()
	}
	time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond) // somewhere in the load
	for name, handed := range handles {
		handed.Data = []byte(strconv.Itoa(generation))
		handles[name] = handed
	}
	check(autokill.Exec(testproc.Exe, os.Args, testproc.RoleEnv(dynastyRole), handles))
	return 1
}
