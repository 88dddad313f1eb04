//go:build linux && (amd64 || arm64)

package pidns

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

const tracedRole = "traced"

// beTraced is a command that makes its parent, the init, its tracer.
func beTraced([]string) int {
	runtime.LockOSThread()
	// A signal of Go's scheduler would stop this thread before its exec, and the others would take
	// what the test sends. The stop of the exec is a SIGTRAP.
	var mask unix.Sigset_t
	for i := range mask.Val {
		mask.Val[i] = ^uint64(0)
	}
	mask.Val[0] &^= 1 << (unix.SIGTRAP - 1)
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &mask, nil); err != nil {
		fmt.Println("sigprocmask:", err)
		return 1
	}
	if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0, 0, 0); errno != 0 {
		fmt.Println("ptrace:", errno)
		return 1
	}
	// A traced process stops when it has executed something (ptrace(2)).
	fmt.Println("exec:", unix.Exec("/bin/true", []string{"true"}, nil))
	return 1
}

// TestTracedCommand: a stop of the command is not its end, though its tracer is told of
// it like of one.
func TestTracedCommand(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		request := sh("", w)
		request.Path, request.Argv, request.Env = testproc.Exe, []string{"traced"}, testproc.RoleEnv(tracedRole)
		s := start(t, request, o)
		w.Close()
		until(t, func() bool { return s.stopped() || s.gone() })
		// The init takes the signal with the lowest number first, so when it has passed on
		// this one it has heard of the stop.
		if err := unix.PidfdSendSignal(s.Init, unix.SIGXCPU, nil, 0); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool { return s.pending(unix.SIGXCPU) || s.gone() })
		if s.gone() {
			t.Error("the namespace has ended with the stop")
		}
		_ = unix.PidfdSendSignal(s.Command, unix.SIGKILL, nil, 0)
		if status, _, told := s.namespace.Ending(); !told || !status.Signaled() || status.Signal() != syscall.SIGKILL {
			t.Errorf("it ended with %#x, %t", status, told)
		}
	})
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	if !testproc.Soon(done) {
		t.Fatal("it did not come to that")
	}
}

// stopped says whether a tracer's stop holds a thread of the command.
func (s *started) stopped() bool {
	for _, thread := range testproc.Threads(s.Pid) {
		if thread.State == "t" {
			return true
		}
	}
	return false
}

func (s *started) gone() bool {
	stat, err := testproc.ReadProcess(s.Pid)
	return err != nil || stat.State == "Z" || stat.State == "X"
}

// pending says whether the signal waits for the command.
func (s *started) pending(sig unix.Signal) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Pid))
	if err != nil {
		return false
	}
	_, mask, _ := strings.Cut(string(text), "ShdPnd:\t")
	mask, _, _ = strings.Cut(mask, "\n")
	bits, _ := strconv.ParseUint(mask, 16, 64)
	return bits&(1<<(sig-1)) != 0
}
