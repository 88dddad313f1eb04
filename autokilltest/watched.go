//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/fault"
	"github.com/autokill/autokill/internal/testproc"
)

const (
	enteringRole = "entering" // becomes a watched one under a supervisor
	watchedRole  = "watched"
)

// entering is the role of a program that puts itself under the supervisor at its standard
// input, and begins anew.
func entering(args []string) int {
	env := append(testproc.RoleEnv(watchedRole), "GODEBUG=asyncpreemptoff=1")
	err := fault.Enter(0, testproc.Exe, append([]string{testproc.Exe}, args...), env)
	fmt.Fprintln(os.Stderr, "entering:", err)
	return 1
}

// order is what a watched program is told to do.
type order struct {
	Operation string
	Errno     syscall.Errno // that one of its calls will get, or 0
	Limit     limit         // that it will come to
	Value     uint64
	Group     string // the cgroup that it is in, if the limit is one of that
}

// outcome is what came of it.
type outcome struct {
	Err     string   // of the operation
	Named   bool     // it says what is wrong
	Carries bool     // the errno is in it
	Broken  string   // the contract, and how
	Left    []string // behind
}

// watched is the role of a program that does what it is told, again and again. Each
// operation begins from nothing and leaves nothing.
func watched(subjects Subjects, args []string) int {
	debug.SetGCPercent(-1) // what its marking workers and finalizers would do is no part of an operation
	answer := func(o outcome) {
		text, err := json.Marshal(o)
		check(err)
		_, err = os.Stdin.Write(text)
		check(err)
	}
	// Go's poller is opened once, and a program that cannot have one dies.
	r, w, err := os.Pipe()
	check(err)
	r.Close()
	w.Close()
	answer(heir())
	message := make([]byte, 1<<10)
	for {
		n, err := os.Stdin.Read(message)
		if err != nil || n == 0 {
			return 0
		}
		var do order
		check(json.Unmarshal(message[:n], &do))
		if do.Operation == inherited {
			answer(bequeath(subjects[args[0]], do, args))
			continue
		}
		prepare := operations[do.Operation]
		if prepare == nil {
			prepare = variantPlay(do.Operation)
		}
		if prepare == nil {
			check(fmt.Errorf("there is no operation %q", do.Operation))
		}
		if slices.Contains(onTerminal, do.Operation) {
			terminal() // for good
		}
		answer(carryOut(do, testproc.OpenDescriptors(), func() (play, error) { return prepare(subjects[args[0]]) }))
	}
}

// play is an operation that is about to be carried out.
type play struct {
	act func() error
	// settle says how the contract is broken after an operation with that error, and frees
	// everything.
	settle func(error) error
	// shared: another program has the children, too, so they go on.
	shared bool
	// failsForGood: after a failure there is something left until the program ends.
	failsForGood bool
}

func carryOut(do order, before map[int]string, prepare func() (play, error)) outcome {
	p, err := prepare()
	if err != nil {
		return outcome{Err: err.Error()}
	}
	fault.Begin()
	err = atTheLimit(do, p.act)
	fault.Finish()
	o := outcome{Named: named(err, do.Errno) || do.Limit != noLimit && do.Limit.reached(err), Carries: errors.Is(err, do.Errno)}
	if err != nil {
		o.Err = err.Error()
	}
	if broken := p.settle(err); broken != nil {
		o.Broken = broken.Error()
	}
	if !p.shared && (err == nil || !p.failsForGood) {
		o.Left = testproc.Left(before)
	}
	return o
}

// named says whether an error tells a program what was wrong: the errno is in it, or
// something that this package has a name for.
func named(err error, errno syscall.Errno) bool {
	var op *autokill.OpError
	return errors.As(err, &op) && (errors.Is(err, errno) || errors.Is(err, errors.ErrUnsupported))
}

// sockets are both ends of a stream.
func sockets() (a, b *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(pair[0]), "socket"), os.NewFile(uintptr(pair[1]), "socket"), nil
}
