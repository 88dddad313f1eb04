//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/testproc"
)

// limit is what a watched program has no more of during an operation. Of processes there is
// none here: what RLIMIT_NPROC and pids.max do is EAGAIN of clone, and Go's runtime, which
// needs threads, dies of it by itself.
type limit string

const (
	noLimit       limit = ""
	descriptors   limit = "RLIMIT_NOFILE"        // to that many
	queuedSignals limit = "RLIMIT_SIGPENDING"    // to none
	pipePages     limit = "pipe-user-pages-soft" // used up, for whoever has no CAP_SYS_RESOURCE
)

// atTheLimit runs the operation there.
func atTheLimit(l limit, value uint64, act func() error) error {
	switch l {
	case descriptors:
		return withRlimit(unix.RLIMIT_NOFILE, value, act)
	case queuedSignals:
		return withRlimit(unix.RLIMIT_SIGPENDING, value, act)
	case pipePages:
		free := usePipePages()
		defer free()
	}
	return act()
}

func withRlimit(resource int, soft uint64, act func() error) error {
	var before unix.Rlimit
	check(unix.Prlimit(0, resource, nil, &before))
	check(unix.Prlimit(0, resource, &unix.Rlimit{Cur: soft, Max: before.Max}, nil))
	err := act()
	check(unix.Prlimit(0, resource, &before, nil))
	return err
}

// usePipePages makes large pipes until that is refused.
func usePipePages() (free func()) {
	var files []*os.File
	for range 1 << 10 {
		r, w, err := os.Pipe()
		if err != nil {
			break
		}
		files = append(files, r, w)
		conn, err := w.SyscallConn()
		check(err)
		var refused error
		check(conn.Control(func(fd uintptr) { _, refused = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) }))
		if refused != nil {
			break
		}
	}
	return func() {
		for _, file := range files {
			file.Close()
		}
	}
}

// limited says whether an error is what comes of too few descriptors. The number that a
// descriptor would have had can also be a bad one, or an invalid argument.
func limited(err error) bool {
	for _, named := range []error{unix.EMFILE, unix.ETOOMANYREFS, unix.EBADF, unix.EINVAL, autokill.ErrNotHandle} {
		if errors.Is(err, named) {
			return errors.As(err, new(*autokill.OpError))
		}
	}
	return false
}

// everyLimit has each operation fail at each descriptor that it opens, and do without what
// it does not need.
func everyLimit(t *testing.T, s suite) {
	until := time.Now().Add(budget(200*time.Millisecond, 2*time.Second))
	program := s.supervise(t)
	var rows [][]string
	for _, operation := range testproc.Part(some(s.operations(), 3)) {
		program.well(t, operation)
		refused, worked := 0, 0
		try := func(l limit, value uint64) (works bool) {
			o, ok := program.do(t, order{Operation: operation, Limit: l, Value: value})
			switch {
			case !ok:
				t.Fatalf("%s, %s of %d: the program has ended, or hangs", operation, l, value)
			case o.Broken != "" || len(o.Left) > 0:
				t.Fatalf("%s, %s of %d: %s, left behind: %q (the operation: %q)", operation, l, value, o.Broken, o.Left, o.Err)
			case o.Err != "" && !o.Named:
				t.Errorf("%s, %s of %d: the error does not name the cause: %q", operation, l, value, o.Err)
			}
			if o.Err != "" {
				refused++
			} else {
				worked++
			}
			return o.Err == ""
		}
		if !try(queuedSignals, 0) {
			t.Errorf("%s needs %s", operation, queuedSignals)
		}
		if os.Geteuid() != 0 && !try(pipePages, 0) {
			t.Errorf("%s needs %s", operation, pipePages)
		}
		// From what the program has open already to more than it needs.
		const first, enough = 3, 64
		if time.Now().After(until) {
			try(descriptors, first+rand.Uint64N(enough-first))
		} else {
			inARow := 0
			for n := uint64(first); n <= enough && inARow < 3; n++ {
				if try(descriptors, n) {
					inARow++
				} else {
					inARow = 0
				}
			}
			// All processes of a user share what is in flight, so the last one may be refused.
			if operation == "Start" && refused == 0 {
				t.Errorf("a start needs no descriptors")
			}
		}
		rows = append(rows, []string{s.name, operation, strconv.Itoa(refused), strconv.Itoa(worked)})
	}
	evidence.Table(t, "limits reached", []string{"subject", "operation", "named error", "goes on, bound"}, rows)
}
