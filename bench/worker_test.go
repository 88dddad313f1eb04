//go:build linux && (amd64 || arm64)

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/internal/testproc"
)

// A worker is another process of this program, which can be what this one cannot: large, an
// ordinary user, or the holder of thousands. It does what it is told, and measures that.

const workerRole = "worker"

// An order tells a worker what to do.
type order struct {
	Verb    string
	Starter string
	Argv    []string
	Count   int
}

// An answer tells what came of it.
type answer struct {
	NS     []int64 // how long it took, in nanoseconds
	Number int64
	Error  string
}

// hands is what a worker has.
type hands struct {
	children    []child
	heap        [][]byte
	descriptors []int
}

// work is the life of a worker. It ends with its standard input.
func work([]string) int {
	var h hands
	orders, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return 0
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			return 1
		}
		a, err := h.do(o)
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return 1
		}
	}
}

func (h *hands) do(o order) (answer, error) {
	start := starters[o.Starter]
	switch o.Verb {
	case "run": // start and wait, Count times
		took, err := turns(func() error { return start.run(o.Argv...) })(o.Count)
		return answer{NS: []int64{took.Nanoseconds()}}, err
	case "start": // Count children that stay, each measured
		return h.start(start, o)
	case "close": // all that stay, together
		return h.close()
	case "heap": // of Count bytes, live
		const piece = 1 << 20
		for range o.Count / piece {
			b := make([]byte, piece)
			for i := 0; i < piece; i += os.Getpagesize() {
				b[i] = 1 // the memory is there only then
			}
			h.heap = append(h.heap, b)
		}
		runtime.GC()
		return answer{}, nil
	case "descriptors": // open so many that there are Count
		for n := testproc.Descriptors(); n < o.Count; n++ {
			// Each a file of its own, as in life.
			fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return answer{}, err
			}
			h.descriptors = append(h.descriptors, fd)
		}
		return answer{Number: int64(testproc.Descriptors())}, nil
	case "count descriptors":
		return answer{Number: int64(testproc.Descriptors())}, nil
	case "settle": // garbage is collected and given back
		runtime.GC()
		debug.FreeOSMemory()
		return answer{}, nil
	case "pipe": // how large is a new one, in bytes
		size, err := pipeSize()
		return answer{Number: int64(size)}, err
	case "allow descriptors": // as many as Count, or as may be
		limit, err := allowDescriptors(uint64(o.Count))
		return answer{Number: int64(limit)}, err
	case "become ordinary":
		return answer{}, becomeOrdinary()
	case "stop meanwhile": // see slow_test.go
		return meanwhile(start, o.Argv, stopTheWorld)
	case "start meanwhile":
		return meanwhile(start, o.Argv, func() error { return start.run(truth) })
	}
	return answer{}, fmt.Errorf("nobody can %q", o.Verb)
}

func (h *hands) start(start starter, o order) (a answer, _ error) {
	for range o.Count {
		began := time.Now()
		c, err := start(nil, o.Argv...)
		took := time.Since(began)
		if err != nil {
			return a, fmt.Errorf("after %d: %w", len(h.children), err)
		}
		h.children = append(h.children, c)
		a.NS = append(a.NS, took.Nanoseconds())
	}
	return a, nil
}

func (h *hands) close() (a answer, err error) {
	began := time.Now()
	for _, c := range h.children {
		err = errors.Join(err, c.kill())
	}
	for _, c := range h.children {
		err = errors.Join(err, killed(c.wait()))
	}
	h.children = nil
	return answer{NS: []int64{time.Since(began).Nanoseconds()}}, err
}

func pipeSize() (int, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	defer w.Close()
	return unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
}

// allowDescriptors raises RLIMIT_NOFILE to a number, or as far as it can be, and returns it.
func allowDescriptors(number uint64) (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= number {
		return limit.Cur, err
	}
	err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: number, Max: max(limit.Max, number)})
	if err == nil {
		return number, nil
	}
	return limit.Cur, nil // Go has raised it to the hard limit
}

// nobody is an ordinary user.
const nobody = 65534

// becomeOrdinary gives up all privileges.
func becomeOrdinary() error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
		return err
	}
	// Who has changed its uid may not look into its own /proc without this (prctl(2),
	// PR_SET_DUMPABLE).
	return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
}

// A worker as its employer sees it.
type worker struct {
	pid     int
	orders  *json.Encoder
	answers *json.Decoder
	dismiss func()
}

// hire starts a worker. It is dismissed in the end, if not before.
func hire(tb testing.TB) *worker {
	tb.Helper()
	cmd := testproc.Command(workerRole)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	gone := false
	w := &worker{pid: cmd.Process.Pid, orders: json.NewEncoder(stdin), answers: json.NewDecoder(stdout)}
	w.dismiss = func() {
		if gone {
			return
		}
		gone = true
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("worker: %v", err)
		}
	}
	tb.Cleanup(w.dismiss)
	return w
}

// try gives an order.
func (w *worker) try(o order) (answer, error) {
	var a answer
	if err := errors.Join(w.orders.Encode(o), w.answers.Decode(&a)); err != nil {
		return a, fmt.Errorf("worker: %w", err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("worker: %s: %s", o.Verb, a.Error)
	}
	return a, nil
}

// do gives an order that must be possible.
func (w *worker) do(tb testing.TB, o order) answer {
	tb.Helper()
	a, err := w.try(o)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// contender is a worker that starts /bin/true and waits.
func (w *worker) contender(name, starter string, times int) *beside.Contender {
	return &beside.Contender{Name: name, Turns: times, Take: func(n int) (time.Duration, error) {
		a, err := w.try(order{Verb: "run", Starter: starter, Argv: []string{truth}, Count: n})
		if err != nil {
			return 0, err
		}
		return time.Duration(a.NS[0]), nil
	}}
}
