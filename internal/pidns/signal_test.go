//go:build linux && (amd64 || arm64)

package pidns

import (
	"bufio"
	"errors"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/testproc"
)

// counter is a command that says which signals it gets.
func counter(t *testing.T, o Options) (*started, *bufio.Reader) {
	t.Helper()
	s, lines := speaker(t, "", o, func(r *clone.Request) {
		r.Path, r.Argv, r.Env = testproc.Exe, []string{"count"}, testproc.RoleEnv(countRole)
	})
	expect(t, lines, "ready")
	return s, lines
}

// TestSignalAllOfAnyKind: what the init cannot catch it can send.
func TestSignalAllOfAnyKind(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s, lines := counter(t, o)
		if err := SignalAll(s.Init, unix.SIGCHLD); err != nil {
			t.Fatal(err)
		}
		expect(t, lines, strconv.Itoa(int(unix.SIGCHLD)))
		if err := SignalAll(s.Init, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		inState(t, s.Pid, "T")
		if err := SignalAll(s.Init, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		inState(t, s.Pid, "SR")
		for _, sig := range []unix.Signal{-1, 0, 65, 1 << 8} {
			if err := SignalAll(s.Init, sig); !errors.Is(err, unix.EINVAL) {
				t.Errorf("signal %d: %v", sig, err)
			}
		}
		if err := SignalAll(s.Init, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if status, _, told := s.namespace.Ending(); !told || status.Signal() != unix.SIGKILL {
			t.Errorf("it ended with %#x, %t", status, told)
		}
	})
}

// TestSignalAllWithoutRoom: a signal that cannot reach everybody is an error, and reaches nobody.
func TestSignalAllWithoutRoom(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s, lines := counter(t, o)
		init := s.init(t)
		var before unix.Rlimit
		if err := unix.Prlimit(init, unix.RLIMIT_SIGPENDING, nil, &before); err != nil {
			t.Fatal(err)
		}
		if err := unix.Prlimit(init, unix.RLIMIT_SIGPENDING, &unix.Rlimit{Cur: 0, Max: before.Max}, nil); err != nil {
			t.Fatal(err)
		}
		if err := SignalAll(s.Init, unix.SIGUSR1); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("without room: %v", err)
		}
		if err := unix.Prlimit(init, unix.RLIMIT_SIGPENDING, &before, nil); err != nil {
			t.Fatal(err)
		}
		if err := SignalAll(s.Init, unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		expect(t, lines, strconv.Itoa(int(unix.SIGTERM)))
	})
}

// TestSignalAllBesideOne: a signal for everybody is not made one with a signal for the command
// that the init has not passed on yet.
func TestSignalAllBesideOne(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		const script = `trap : USR1
			setsid sh -c 'trap "echo reached" USR1; echo ready; while :; do sleep 1000 & wait $!; done' &
			while :; do wait; done`
		s, lines := speaker(t, script, o, nil)
		expect(t, lines, "ready")
		init := s.init(t)
		if err := unix.Kill(init, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		inState(t, init, "T")
		err := errors.Join(unix.Kill(init, unix.SIGUSR1), SignalAll(s.Init, unix.SIGUSR1), unix.Kill(init, unix.SIGCONT))
		if err != nil {
			t.Fatal(err)
		}
		expect(t, lines, "reached")
	})
}
