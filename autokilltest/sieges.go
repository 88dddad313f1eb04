//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// besieger is what a child knows when it attacks.
type besieger struct {
	subject Subject
	victim  int // the pid of a sibling, as their holder sees it
}

type siege struct {
	name string
	// play makes the attack and says what came of it, or says it by itself and stays.
	play      func(besieger) (seen string, err error)
	saysReady bool // in its own words
	ends      bool // the child ends soon by itself
}

// sieges are the attacks that a child makes alone: all at once, on one holder. Those that need
// kin are the families.
var sieges = []siege{
	{name: "nothing, and is traced by a sibling", play: func(besieger) (string, error) { return "", nil }},
	{name: "traces a sibling", play: func(b besieger) (string, error) { return trace(b.victim) }},
	{name: "traces its parent", play: func(besieger) (string, error) { return trace(os.Getppid()) }},
	{name: "is traced by its parent (PTRACE_TRACEME)", play: does("traceme"), saysReady: true},
	{name: "is so traced on a thread that is not the leader, and stopped", play: does("tracethread"), saysReady: true},
	{name: "closes all descriptors", play: func(besieger) (string, error) {
		fmt.Println(inForce)
		check(unix.CloseRange(0, math.MaxInt32, 0))
		sit()
		return "", nil
	}},
	{name: "opens descriptors up to the limit", play: func(besieger) (string, error) {
		n := 0
		for ; ; n++ {
			if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
				return fmt.Sprintf("%v after all that the limit allows", err), nil
			}
		}
	}},
	{name: "writes garbage to all descriptors", play: garbage},
	{name: "takes descriptors of a sibling (pidfd_getfd)", play: takeFromSibling},
	{name: "enters the namespaces of its holder and of init", play: enterAll},
	{name: "unshares all that it may", play: unshareAll},
	{name: "floods its own signal queue", play: flood},
	{name: "blocks and ignores all signals", play: does("ignore")},
	{name: "ignores SIGCHLD, becomes a subreaper", play: func(besieger) (string, error) {
		signal.Ignore(unix.SIGCHLD)
		return "", unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}},
	{name: "clears its death signal", play: does("pdeathsig")},
	{name: "becomes undumpable", play: does("undumpable")},
	{name: "gives up all capabilities", play: does("capset")},
	{name: "becomes another user", play: becomeSomebody},
	{name: "execs a set-user-ID file", play: execSetUserID},
	{name: "execs for ever from threads that are not the leader", saysReady: true, play: does("execloop")},
	{name: "ends its leader thread", saysReady: true, play: does("leader")},
	{name: "setsid", play: does("setsid")},
	{name: "setpgid", play: does("setpgid")},
	{name: "fills its pids cgroup with zombies", play: fillPids},
	{name: "stops itself", play: func(besieger) (string, error) {
		fmt.Println(inForce)
		_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
		sit()
		return "", nil
	}},
	{name: "dumps a large core", ends: true, play: dumpCore},
	{name: "locks its memory", play: func(besieger) (string, error) {
		return answer(unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)), nil
	}},
	{name: "asks for the least of the processor, and not to be killed for memory", play: func(besieger) (string, error) {
		policy, param := uintptr(5), int32(0) // SCHED_IDLE
		_, _, idle := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, 0, policy, uintptr(unsafe.Pointer(&param)))
		oom := os.WriteFile(filepath.Join(testproc.Proc(), "self/oom_score_adj"), []byte("-1000"), 0)
		return fmt.Sprintf("nice: %s, SCHED_IDLE: %s, oom_score_adj: %s",
			answer(unix.Setpriority(unix.PRIO_PROCESS, 0, 19)), answer(errnoOf(idle)), answer(oom)), nil
	}},
	{name: "never leaves user mode", play: func(besieger) (string, error) {
		runtime.LockOSThread()
		fmt.Println(inForce)
		for never := new(atomic.Bool); !never.Load(); {
		}
		return "", nil
	}},
	// The last one to be started: a sibling that is just being started then can lose its bond to
	// who looks into its holder, which is a known limit (TestL6_SpiesOnItsHolder).
	{name: "re-opens all of its holder, and disarms it (F_SETSIG, F_SETOWN, F_SETFL)", play: disarm},
}

// does makes an attack of the table attacks.
func does(name string) func(besieger) (string, error) {
	return func(besieger) (string, error) { return "", attacks[name]() }
}

// answer is what a call that may fail came to.
func answer(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func errnoOf(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// cannot tells the test that this machine does not let us, and stays to be killed.
func cannot(why string) (string, error) {
	fmt.Println(impossible + why)
	sit()
	return "", nil
}

// trace makes this thread the tracer of a process, and lets that go on whenever it stops.
func trace(pid int) (string, error) {
	runtime.LockOSThread()
	const ptraceSeize = 0x4206
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, ptraceSeize, uintptr(pid), 0, 0, 0, 0)
	if errno != 0 {
		return cannot("ptrace: " + answer(errno)) // another PID namespace, or Yama
	}
	fmt.Println(inForce)
	for {
		var status unix.WaitStatus
		if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil && !errors.Is(err, unix.EINTR) {
			sit()
		}
		if status.Stopped() {
			signal := uintptr(status.StopSignal())
			if status>>16 != 0 {
				signal = 0 // an event
			}
			_, _, _ = unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_CONT, uintptr(pid), 0, signal, 0, 0)
		}
	}
}

// garbage is written to everything but the lifeline.
func garbage(besieger) (string, error) {
	junk := []byte(strings.Repeat("autokill\xff\x00", 50))
	written := 0
	for fd := range 1024 {
		if fd == 1 || unix.SetNonblock(fd, true) != nil {
			continue
		}
		if _, err := unix.Write(fd, junk); err == nil {
			written++
		}
	}
	return fmt.Sprintf("%d took it", written), nil
}

// disarm takes the signal, the owner and the mode off everything that is open, and off
// everything of the holder that can be opened.
func disarm(besieger) (string, error) {
	if err := reopen(); err != nil {
		return "", err
	}
	changed := 0
	for fd := range 1024 {
		_, sig := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, 0)
		_, owner := unix.FcntlInt(uintptr(fd), unix.F_SETOWN, 0)
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err == nil {
			_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags&^unix.O_ASYNC)
		}
		if errors.Join(sig, owner, err) == nil {
			changed++
		}
	}
	return fmt.Sprintf("%d disarmed", changed), nil
}
