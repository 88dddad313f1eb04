//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

// attachments are the clauses about processes that run already.
func attachments() []clause {
	if _, err := os.Lstat("/proc/self"); err != nil {
		return []clause{{"TestB2_WithoutProc", func(t *testing.T, _ suite) {
			b := newBystander(t, exec.Command("cat"))
			b.refuses(t, autokill.Attach, errors.ErrUnsupported, "needs /proc")
			b.refuses(t, autokill.AttachGroup, errors.ErrUnsupported, "needs /proc")
		}}}
	}
	return slices.Concat([]clause{{"TestB2_AsIfStarted", attachedAsIfStarted}}, attached, attachRefusals)
}

// asIfStarted are the clauses that hold for an attached process as well as for a child.
var asIfStarted = []string{
	"TestL1_CloseKills", "TestL1_KernelKillsWithoutUserSpace",
	"TestL2_Close", "TestL2_Exit", "TestL2_Panic", "TestL2_Exec", "TestL2_SIGKILL",
	"TestL3_Dup", "TestL3_InFlight", "TestL3_InheritedThroughExec", "TestL3_Fork", "TestL3_PidfdGetfd",
	"TestL4_Observers", "TestL4_ClosingAnObserverKillsNobody", "TestL5_HandleOutlivesTheParent",
	"TestL9_HandleIsCloseOnExec",
	"TestE3_ContextGivesUp", "TestE3_ManyAtOnce", "TestE3_PollOnAnObserver", "TestE3_Stop", "TestE3_StopKillsWhoDoesNotListen",
	"TestE5_GarbageKillsNobody", "TestE5_ReleaseKillsNobody",
}

func attachedAsIfStarted(t *testing.T, s suite) {
	s.attached = true
	chosen := slices.DeleteFunc(slices.Concat(lifetime, endings), func(c clause) bool { return !slices.Contains(asIfStarted, c.name) })
	if len(chosen) != len(asIfStarted) {
		t.Errorf("%d of %d clauses were found", len(chosen), len(asIfStarted))
	}
	for _, c := range testproc.Part(chosen) {
		t.Run(c.name, func(t *testing.T) { c.test(t, s) })
	}
}

// binderRole is a holder whose child is os/exec's.
const binderRole = "binder"

func startCommand(c *autokill.Cmd) (*autokill.Process, error) {
	err := c.Start()
	return c.Process, err
}

// startAndAttach starts a command by os/exec, which also reaps it, and binds it.
func startAndAttach(c *autokill.Cmd) (*autokill.Process, error) {
	e := &exec.Cmd{Path: c.Path, Args: c.Args, Env: c.Env, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr}
	if err := e.Start(); err != nil {
		return nil, err
	}
	p, err := autokill.Attach(e.Process.Pid)
	if err != nil {
		_ = e.Process.Kill()
		_ = e.Wait()
		return nil, err
	}
	done := p.Done()
	go func() {
		<-done
		_ = e.Wait()
	}()
	return p, nil
}

// bystander is a process of os/exec's that answers as cat does.
type bystander struct {
	*echo
	*exec.Cmd
}

// newBystander starts one, and sees to its end.
func newBystander(t *testing.T, cmd *exec.Cmd) bystander {
	t.Helper()
	b := bystander{newEcho(t), cmd}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = b.stdin, b.stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	b.handOver()
	b.ping(t)
	return b
}

// bound says to the model that it is.
func (b bystander) bound(t *testing.T, by model.Bond) {
	t.Helper()
	b.world = model.New(by)
	b.happens(t, by.Begin()...)
}

// attach binds it, and sees to the end of that.
func (b bystander) attach(t *testing.T) *autokill.Process {
	t.Helper()
	return attach(t, b.Process.Pid)
}

func attach(t *testing.T, pid int) *autokill.Process {
	t.Helper()
	p, err := autokill.Attach(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(); <-p.Done() })
	return p
}

// refuses fails the test unless it is refused, and goes on.
func (b bystander) refuses(t *testing.T, attach func(pid int) (*autokill.Process, error), want error, says string) {
	t.Helper()
	refusesAttach(t, attach, b.Process.Pid, want, says)
	b.ping(t)
}

func refusesAttach(t *testing.T, attach func(pid int) (*autokill.Process, error), pid int, want error, says string) {
	t.Helper()
	if p, err := attach(pid); err == nil { // what is opened once is open now
		_ = p.Release() // Close would kill whoever that is
	}
	before := testproc.Descriptors()
	p, err := attach(pid)
	if err == nil {
		_ = p.Release()
	}
	if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
		t.Errorf("process %d: got %v, want %v that says %q", pid, err, want, says)
	}
	var e *autokill.OpError
	if err != nil && (!errors.As(err, &e) || e.Op != "attach" || e.Mechanism != autokill.Tripwire) {
		t.Errorf("%v is no *autokill.OpError of an attach by tripwire", err)
	}
	if after := testproc.DescriptorsSoon(before); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
