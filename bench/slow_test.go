//go:build linux && (amd64 || arm64)

package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
	"github.com/autokill/autokill/internal/testproc"
)

// A gate makes each exec of a file wait for an answer (fanotify(7), FAN_OPEN_EXEC_PERM), as a
// virus scanner or a file system on the network does. It takes CAP_SYS_ADMIN.
type gate struct{ group *os.File }

func newGate(file string) (gate, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return gate{}, os.NewSyscallError("fanotify_init", err)
	}
	// Not for the poller: the reads of one that serves itself block a thread, as those of any
	// server of a file system do.
	g := gate{os.NewFile(uintptr(fd), "fanotify")}
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN_EXEC_PERM, unix.AT_FDCWD, file); err != nil {
		g.group.Close()
		return gate{}, os.NewSyscallError("fanotify_mark", err)
	}
	return g, nil
}

// open answers that many requests, each after a delay.
func (g gate) open(requests int, delay time.Duration) error {
	buffer := make([]byte, 4096)
	for answered := 0; answered < requests; {
		n, err := g.group.Read(buffer)
		if err != nil {
			return err
		}
		for events := bytes.NewReader(buffer[:n]); events.Len() > 0; answered++ {
			var event unix.FanotifyEventMetadata
			if err := binary.Read(events, binary.NativeEndian, &event); err != nil {
				return err
			}
			if rest := int64(event.Event_len) - int64(unsafe.Sizeof(event)); rest > 0 {
				if _, err := events.Seek(rest, io.SeekCurrent); err != nil {
					return err
				}
			}
			time.Sleep(delay)
			var answer bytes.Buffer
			err := binary.Write(&answer, binary.NativeEndian, unix.FanotifyResponse{Fd: event.Fd, Response: unix.FAN_ALLOW})
			if err == nil {
				_, err = g.group.Write(answer.Bytes())
			}
			if err := errors.Join(err, unix.Close(int(event.Fd))); err != nil {
				return err
			}
		}
	}
	return nil
}

// slow is how long an exec is held up.
const slow = 300 * time.Millisecond

// slowProgram is a copy of /bin/true.
func slowProgram(tb testing.TB) string {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root, for fanotify(7)")
	}
	program, err := os.ReadFile(truth)
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(tb.TempDir(), "slow")
	if err := os.WriteFile(file, program, 0o755); err != nil {
		tb.Fatal(err)
	}
	return file
}

// meanwhile starts a slow program, and until that has ended does something again and again. It
// answers with the longest time that this took, and the time of the slow start.
func meanwhile(start starter, argv []string, do func() error) (answer, error) {
	var took time.Duration
	ended := make(chan error, 1)
	go func() {
		began := time.Now()
		c, err := start(nil, argv...)
		took = time.Since(began)
		if err == nil {
			err = c.wait()
		}
		ended <- err
	}()
	var longest time.Duration
	var failed error
	for {
		began := time.Now()
		failed = errors.Join(failed, do())
		longest = max(longest, time.Since(began))
		select {
		case err := <-ended:
			return answer{NS: []int64{longest.Nanoseconds(), took.Nanoseconds()}}, errors.Join(failed, err)
		case <-time.After(time.Millisecond):
		}
	}
}

func stopTheWorld() error {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return nil
}

// TestSlowExec: while one start waits for its exec, the longest stop of the world and the
// longest start of another program are as they always are. A lock that was held across a start
// would show in the latter.
func TestSlowExec(t *testing.T) {
	file := slowProgram(t)
	g, err := newGate(file)
	if err != nil {
		t.Fatal(err)
	}
	defer g.group.Close()
	repeats := many(15, 2)
	subjects, verbs := []string{ours, plain}, []string{"stop meanwhile", "start meanwhile"}
	served := make(chan error, 1)
	go func() { served <- g.open(repeats*len(subjects)*len(verbs), slow) }()
	for _, verb := range verbs {
		t.Run(word(verb), func(t *testing.T) {
			longest := map[string][]float64{}
			for range repeats {
				for _, name := range subjects {
					w := hire(t)
					ns := w.do(t, order{Verb: verb, Starter: name, Argv: []string{file}}).NS
					w.dismiss()
					if time.Duration(ns[1]) < slow {
						t.Fatalf("%s: the slow start took %v", name, time.Duration(ns[1]))
					}
					longest[name] = append(longest[name], float64(ns[0]))
				}
			}
			result := record.Result{Unit: "ns", Samples: repeats}
			for _, name := range subjects {
				spread := beside.Of(longest[name])
				result.Values = append(result.Values, record.Value{Name: name, Spread: spread})
				t.Logf("%s: %v (%v to %v)", name, time.Duration(spread.Median), time.Duration(spread.Low), time.Duration(spread.High))
			}
			// What waits for the exec waits in each of them.
			if least := slices.Min(longest[ours]); least > 0.9*float64(slow) {
				t.Errorf("autokill: %s took %v at least", verb, time.Duration(least))
			}
			keep(t, result)
		})
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

const serverRole = "serves itself"

// serveOneself starts a program whose exec waits for this process itself, while the world is
// stopped again and again. Its arguments are the starter, the file, how often, and GOMAXPROCS.
func serveOneself(args []string) int {
	times, err := strconv.Atoi(args[2])
	if err != nil {
		return 1
	}
	procs, err := strconv.Atoi(args[3])
	if err != nil {
		return 1
	}
	runtime.GOMAXPROCS(procs)
	g, err := newGate(args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	served := make(chan error, 1)
	go func() { served <- g.open(times, 10*time.Millisecond) }()
	var done atomic.Bool
	go func() {
		for !done.Load() {
			runtime.GC()
		}
	}()
	for range times {
		err = errors.Join(err, starters[args[0]].run(args[1]))
	}
	done.Store(true)
	if err = errors.Join(err, <-served); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestServesItself: a program that answers the request that its own start waits for does not
// wait for ever.
func TestServesItself(t *testing.T) {
	file := slowProgram(t)
	result := record.Result{Unit: "deadlocks"}
	for _, name := range []string{ours, plain} {
		deadlocks := 0
		patience := testproc.Patience
		if name == plain {
			patience = time.Duration(many(5, 1)) * time.Second // the deadlock is a known one
		}
		for _, procs := range []int{1, 2} {
			if !servesItself(t, patience, name, file, strconv.Itoa(many(20, 5)), strconv.Itoa(procs)) {
				deadlocks++
			}
		}
		result.Values = append(result.Values, record.Value{Name: name, Spread: beside.Exactly(float64(deadlocks))})
	}
	keep(t, result)
}

// servesItself says whether it came to its end.
func servesItself(t *testing.T, patience time.Duration, args ...string) bool {
	t.Helper()
	cmd := testproc.Command(serverRole, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return true
	case <-time.After(patience):
	}
	// Stopped, so that it starts no other. The child first: it has a copy of the descriptor that could
	// answer its request, and would wait for itself.
	_ = cmd.Process.Signal(unix.SIGSTOP)
	for _, c := range testproc.Children(cmd.Process.Pid) {
		_ = unix.Kill(c.PID, unix.SIGKILL)
	}
	_ = cmd.Process.Kill()
	if err := <-ended; err != nil { // not nil, unless it had ended just now
		if err := killed(err); err != nil {
			t.Error(err)
		}
	}
	return false
}
