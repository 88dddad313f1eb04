//go:build linux && (amd64 || arm64)

package bond

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/fault"
	"github.com/autokill/autokill/internal/testproc"
)

const (
	enterBecomeRole   = "become: enter" // becomes one of the other under a supervisor
	watchedBecomeRole = "become: watched"
)

// report is what it says if it does not become what it wants to be.
type report struct {
	Err   string
	Named bool // the errno that one of its calls got is in the error, or it is one of ours
}

func enterBecome(args []string) int {
	env := append(testproc.RoleEnv(watchedBecomeRole), "GODEBUG=asyncpreemptoff=1")
	fmt.Fprintln(os.Stderr, fault.Enter(0, testproc.Exe, append([]string{testproc.Exe}, args...), env))
	return 1
}

// watchedBecome is `autokill exec` without its command line. Its arguments are the scope and the
// errno that it will get.
func watchedBecome(args []string) int {
	scope := ScopeProcess
	if args[0] == ScopeTree.String() {
		scope = ScopeTree
	}
	errno, _ := strconv.Atoi(args[1])
	unix.CloseOnExec(3)
	// Go's poller is opened once, and a program that cannot have one dies.
	r, w, _ := os.Pipe()
	r.Close()
	w.Close()
	fault.Begin()
	err := Become(3, scope, []int{0, 1, 2})
	if err == nil {
		err = syscall.Exec("/bin/sleep", []string{"sleep", "1000"}, nil)
	}
	fault.Finish()
	said := report{err.Error(), errors.Is(err, syscall.Errno(errno)) || errors.Is(err, errors.ErrUnsupported)}
	text, _ := json.Marshal(said)
	_, _ = os.Stdout.Write(text)
	return 1
}

// watchedBecoming is such a process, who stands over it, and what is to become its handle.
type watchedBecoming struct {
	*fault.Supervisor
	cmd    *exec.Cmd
	out    *os.File
	handle *os.File
}

func superviseBecoming(t *testing.T, s Scope, errno syscall.Errno, decide fault.Decide) *watchedBecoming {
	t.Helper()
	pair := func() (ours, theirs *os.File) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket")
	}
	talk, theirTalk := pair()
	defer talk.Close()
	handle, peer := pair()
	if err := unix.SetsockoptInt(int(handle.Fd()), unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &watchedBecoming{cmd: testproc.Command(enterBecomeRole, s.String(), strconv.Itoa(int(errno))), out: out, handle: handle}
	b.cmd.Stdin, b.cmd.Stdout, b.cmd.ExtraFiles = theirTalk, theirOut, []*os.File{peer}
	b.cmd.SysProcAttr = &syscall.SysProcAttr{}
	err = b.cmd.Start()
	for _, file := range []*os.File{theirTalk, theirOut, peer} {
		file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	listener, err := fault.Receive(int(talk.Fd()))
	if err != nil {
		t.Fatalf("needs seccomp user notification: %v", err)
	}
	b.Supervisor = fault.Supervise(listener, b.cmd.Process.Pid)
	b.Watch(decide)
	return b
}

// becomes waits for the exec or the end of the process, both of which hang up, or for what is
// reached before.
func (b *watchedBecoming) becomes(t *testing.T, reached <-chan struct{}) {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(b.handle.Fd())}}
	for deadline := time.Now().Add(testproc.Patience); time.Now().Before(deadline); {
		select {
		case <-reached:
			return
		default:
		}
		_, err := unix.Poll(poll, 1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
		if poll[0].Revents&unix.POLLHUP != 0 {
			return
		}
	}
	t.Fatal("neither an exec nor an end")
}

// ends waits for that, which must come of what was done, and returns what was said before, if
// anything.
func (b *watchedBecoming) ends(t *testing.T, done string) (r report, killed bool) {
	t.Helper()
	defer b.out.Close()
	defer b.handle.Close()
	watched := testproc.Watch(t, []int{b.cmd.Process.Pid})
	defer watched.Close()
	if len(watched.Living(t, testproc.Patience)) > 0 {
		t.Errorf("%s: it survives", done)
		watched.Kill(0)
	}
	_ = b.cmd.Wait()
	status, _ := b.cmd.ProcessState.Sys().(syscall.WaitStatus)
	// Whom it had started to prove something may be on its way out.
	for deadline := time.Now().Add(testproc.Patience); ; time.Sleep(time.Millisecond) {
		testproc.ReapAll()
		select {
		case <-b.Gone():
			if err := b.Err(); err != nil {
				t.Errorf("supervisor: %v", err)
			}
			_ = json.NewDecoder(b.out).Decode(&r)
			return r, status.Signaled() && status.Signal() == unix.SIGKILL
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("somebody has survived who came of it")
		}
	}
}

// becomingSites are the calls up to the exec when all goes well.
func becomingSites(t *testing.T, s Scope) []fault.Site {
	t.Helper()
	b := superviseBecoming(t, s, 0, fault.Pass)
	b.becomes(t, nil)
	sites := b.Trace()
	b.handle.Close()
	if r, killed := b.ends(t, "with no fault"); !killed {
		t.Fatalf("with no fault: %+v", r)
	}
	last := slices.IndexFunc(sites, func(site fault.Site) bool { return site.Process == 0 && site.Call == "execve" })
	if last < 0 {
		t.Fatalf("no exec is seen: %v", sites)
	}
	return sites[:last+1]
}

// chosen are all for the document, and otherwise so many, by chance, as in a machine that is
// emulated.
func chosen[T any](all []T) []T {
	n := 60
	switch {
	case testing.Short():
		n = 8
	case evidence.Wanted() && !testproc.InMatrix():
		n = len(all)
	}
	all = slices.Clone(all)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

// share is how many of all were tried.
func share[T any](tried, all []T) string { return fmt.Sprintf("%d of %d", len(tried), len(all)) }

// TestR3_BecomeEverySystemCallFails: it says what is wrong and ends, or it is bound.
func TestR3_BecomeEverySystemCallFails(t *testing.T) {
	type failure struct {
		site  fault.Site
		errno syscall.Errno
	}
	var rows [][]string
	for _, scope := range []Scope{ScopeProcess, ScopeTree} {
		var all []failure
		for _, site := range becomingSites(t, scope) {
			for _, errno := range fault.Errnos(site.Call) {
				all = append(all, failure{site, errno})
			}
		}
		refused, bound := 0, 0
		tried := chosen(all)
		for _, f := range tried {
			struck := false
			b := superviseBecoming(t, scope, f.errno, func(site fault.Site) syscall.Errno {
				if site == f.site || struck && fault.Denied(f.site.Call, site.Call) && slices.Contains(fault.Denials, f.errno) {
					struck = true
					return f.errno
				}
				return 0
			})
			b.becomes(t, nil)
			b.handle.Close()
			r, killed := b.ends(t, fmt.Sprintf("%v: %v gets %s", scope, f.site, unix.ErrnoName(f.errno)))
			switch {
			case killed:
				bound++
			case r.Err == "":
				t.Errorf("%v: %v gets %s: it ended with %v, and said nothing", scope, f.site, unix.ErrnoName(f.errno), b.cmd.ProcessState)
			case struck && !r.Named:
				t.Errorf("%v: %v gets %s: the error does not name the cause: %q", scope, f.site, unix.ErrnoName(f.errno), r.Err)
			default:
				refused++
			}
		}
		rows = append(rows, []string{scope.String(), share(tried, all), strconv.Itoa(refused), strconv.Itoa(bound)})
	}
	evidence.Table(t, "faults injected", []string{"autokill exec, scope", "failures", "named error", "goes on, bound"}, rows)
}

// TestL7_BecomeLosesItsHolderAtEveryBoundary: from whichever call on there is no holder any more,
// it never runs what it was to become.
func TestL7_BecomeLosesItsHolderAtEveryBoundary(t *testing.T) {
	var rows [][]string
	for _, scope := range []Scope{ScopeProcess, ScopeTree} {
		sites := becomingSites(t, scope)
		refused, dead := 0, 0
		tried := chosen(sites)
		for _, at := range tried {
			reached, lost := make(chan struct{}), make(chan struct{})
			b := superviseBecoming(t, scope, 0, func(site fault.Site) syscall.Errno {
				if site == at {
					close(reached)
					<-lost
				}
				return 0
			})
			b.becomes(t, reached) // or not this time: the child of a proof may die earlier
			b.handle.Close()
			close(lost)
			if r, killed := b.ends(t, fmt.Sprintf("%v: the holder ends before %v", scope, at)); killed {
				dead++
			} else if r.Err != "" {
				refused++
			} else {
				t.Errorf("%v: the holder ended before %v: it ended with %v", scope, at, b.cmd.ProcessState)
			}
		}
		rows = append(rows, []string{scope.String(), share(tried, sites), strconv.Itoa(refused), strconv.Itoa(dead), "0"})
	}
	evidence.Table(t, "boundaries killed", []string{"autokill exec, scope", "boundaries", "refuses", "dies", "survivors"}, rows)
}
