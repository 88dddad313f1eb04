//go:build linux && (amd64 || arm64)

package handles_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/handles"
	"github.com/autokill/autokill/internal/testproc"
)

// A way is a mechanism with a scope.
type way struct {
	mechanism autokill.Mechanism
	scope     autokill.Scope
}

func (w way) String() string { return w.mechanism.String() + " " + w.scope.String() }

var ways = []way{
	{autokill.Native, autokill.ScopeProcess},
	{autokill.Native, autokill.ScopePIDNamespace},
	{autokill.Tripwire, autokill.ScopeProcess},
	{autokill.Tripwire, autokill.ScopeTree},
	{autokill.Tripwire, autokill.ScopePIDNamespace},
}

// eachWay runs the test for all that this kernel must have.
func eachWay(t *testing.T, test func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.String(), func(t *testing.T) {
			if w.mechanism == autokill.Native && !testproc.KernelAtLeast(7, 1) {
				t.Skip("needs Linux 7.1: CLONE_PIDFD_AUTOKILL")
			}
			test(t, w)
		})
	}
}

func (w way) command(name string, args ...string) *autokill.Cmd {
	c := autokill.Command(name, args...)
	c.Mechanism, c.Scope = w.mechanism, w.scope
	return c
}

// sleep starts a child that sleeps. Its command line is there a moment after the start.
func (w way) sleep() (*autokill.Process, error) {
	c := w.command("sleep", "1000")
	if err := c.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(testproc.Patience); ; time.Sleep(time.Millisecond) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.Process.Pid))
		if err != nil || string(line) == "sleep\x001000\x00" {
			return c.Process, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the command line is %q", line)
		}
	}
}

// start starts a child that sleeps, which the test kills in the end.
func (w way) start(t *testing.T) *autokill.Process {
	t.Helper()
	p, err := w.sleep()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func see(t *testing.T) handles.Sight {
	t.Helper()
	s, err := handles.See()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// of are the handles of a child.
func of(s handles.Sight, child int) (all []handles.Handle) {
	for _, h := range s.Handles {
		if h.Child != nil && h.Child.PID == child {
			all = append(all, h)
		}
	}
	return all
}

// the only handle of a child.
func the(t *testing.T, s handles.Sight, child int) handles.Handle {
	t.Helper()
	all := of(s, child)
	if len(all) != 1 {
		t.Fatalf("%d has %d handles in %+v", child, len(all), s)
	}
	return all[0]
}

// ours is the number of the handle here.
func ours(t *testing.T, child int) int {
	t.Helper()
	for _, h := range the(t, see(t), child).Holders {
		if h.PID == os.Getpid() && len(h.Descriptors) == 1 {
			return h.Descriptors[0]
		}
	}
	t.Fatalf("we do not hold %d", child)
	return -1
}

// drop lets go of a handle as a crash would, without the help of the library.
func drop(t *testing.T, handle int) {
	t.Helper()
	if err := letGo(handle); err != nil {
		t.Fatal(err)
	}
}

// letGo puts another file in the handle's place: the library believes that the number is
// its own.
func letGo(handle int) error {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Dup3(null, handle, unix.O_CLOEXEC), unix.Close(null))
}

const (
	lookerRole = "looker"
	starerRole = "starer"
	hiddenRole = "looker where processes are hidden"
	holderRole = "holder"
)

// look is the role of a process that looks each time that it is told to, by a line, and
// prints what it saw as a line of JSON.
func look([]string) int {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		s, err := handles.See()
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(s)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "looker:", err)
			return 1
		}
	}
	return 0
}

// stare is the role of a process that looks without end. It says when it has looked
// for the first time.
func stare([]string) int {
	for first := true; ; first = false {
		if _, err := handles.See(); err != nil {
			fmt.Fprintln(os.Stderr, "starer:", err)
			return 1
		}
		if first {
			fmt.Println("looking")
		}
	}
}

// lookWhereHidden is look in a mount namespace of its own, whose /proc shows an ordinary
// user no process of others.
func lookWhereHidden(args []string) int {
	err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("proc", "/proc", "proc", 0, "hidepid=2")
	}
	if err == nil {
		err = syscall.Setgroups(nil)
	}
	if err == nil {
		err = syscall.Setresgid(nobody, nobody, nobody)
	}
	if err == nil {
		err = syscall.Setresuid(nobody, nobody, nobody)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "looker:", err)
		return 1
	}
	return look(args)
}

// The manners of a holder.
const (
	secret   = "in secret" // its descriptors are visible for root only
	headless = "headless"  // its first thread has ended
	apart    = "apart"     // a thread alone has the handle
)

// hold is the role of a process that starts a sleeping child by a way, says its pid, and
// holds it in a manner until the end of its standard input.
func hold(args []string) int {
	i := slices.IndexFunc(ways, func(w way) bool { return w.String() == args[0] })
	if i < 0 {
		fmt.Fprintf(os.Stderr, "holder: cannot %q\n", args)
		return 1
	}
	p, err := ways[i].sleep()
	if err != nil {
		fmt.Fprintln(os.Stderr, "holder:", err)
		return 1
	}
	stay := func(err error) int {
		if err != nil {
			fmt.Fprintln(os.Stderr, "holder:", err)
			return 1
		}
		fmt.Println(p.Pid)
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	}
	switch strings.Join(args[1:], "") {
	case secret:
		err = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	case headless:
		endFirstThread(stay)
	case apart:
		err = holdApart(p.Pid)
	}
	return stay(err)
}

// holdApart leaves the handle of a child to a thread.
func holdApart(child int) error {
	s, err := handles.See()
	if err != nil {
		return err
	}
	handle := of(s, child)[0].Holders[0].Descriptors[0]
	unshared := make(chan error)
	go func() {
		runtime.LockOSThread()
		unshared <- unix.Unshare(unix.CLONE_FILES)
		select {}
	}()
	return errors.Join(<-unshared, letGo(handle))
}

// A holder keeps its first thread, and so can end it: the scheduler says nothing about which
// goroutine is on it later.
func init() {
	if testproc.Plays(holderRole) {
		runtime.LockOSThread()
	}
}

// endFirstThread goes on elsewhere when it has ended.
func endFirstThread(then func(error) int) {
	go func() { os.Exit(then(firstEnds())) }()
	// Not the raw call, or the scheduler would wait for this thread.
	_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
}

func firstEnds() error {
	for {
		first, err := testproc.ReadStat(fmt.Sprintf("/proc/self/task/%d/stat", os.Getpid()))
		if err != nil || first.State == "Z" {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

const nobody = 65534

// other is a helper process.
type other struct {
	*exec.Cmd
	in    io.WriteCloser
	out   *os.File
	lines *bufio.Reader
}

// startOther starts a helper that the test ends.
func startOther(t *testing.T, c *exec.Cmd) *other {
	t.Helper()
	o := &other{Cmd: c}
	var err error
	if o.in, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, o.out, o.lines = theirs, out, bufio.NewReader(out)
	err = c.Start()
	theirs.Close()
	if err != nil {
		out.Close()
		o.in.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.in.Close()
		_ = c.Process.Kill()
		_ = c.Wait()
		out.Close()
	})
	return o
}

// line is what the helper prints.
func (o *other) line(t *testing.T) string {
	t.Helper()
	line, err := o.lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the helper said %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}
