//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

// travel are the clauses about handles that the library itself gives to others.
var travel = []clause{
	{"TestL3_File", func(t *testing.T, s suite) {
		p, e := s.start(t)
		file, err := p.File()
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		e.after(t, model.Shared, model.Closed)
		if _, err := p.File(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("File after Close: %v", err)
		}
		file.Close()
		e.after(t, model.Event{Kind: model.Drop, Ref: model.TheOther})
		killed(t, p)
	}},
	{"TestL3_FromFile", func(t *testing.T, s suite) {
		p, e := s.start(t)
		file, err := p.File()
		if err != nil {
			t.Fatal(err)
		}
		second, err := autokill.FromFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the file was not taken over: %v", err)
		}
		s.sameChild(t, second, p.Pid)
		p.Close()
		e.after(t, model.Shared, model.Event{Kind: model.Adopt, Ref: model.TheOther}, model.Closed)
		second.Close()
		e.after(t, model.OtherClosed)
		// Which of the two reaps, nobody knows. Both learn how it ended, or that this is unknown.
		for _, p := range []*autokill.Process{p, second} {
			state, err := p.Wait()
			if err != nil || state.Known() && state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Errorf("%v, %v", state, err)
			}
		}
	}},
	{"TestL5_SentAndTheSenderEnds", func(t *testing.T, s suite) {
		h := s.hold(t, "share")
		p := h.receiveProcess(t, s)
		h.kill()
		h.after(t, model.Sent, model.Arrived, model.Killed)
		s.sameChild(t, p, h.child)
		p.Close()
		h.after(t, model.OtherClosed)
		// Its parent is dead. The kernel may tell, as soon as the new one has reaped it; and
		// the new one can be this program.
		state, err := p.Wait()
		_, reaped := testproc.ReadProcess(h.child)
		switch {
		case err != nil:
			t.Error(err)
		case reaped != nil && statusIsTold() && !state.Known():
			t.Error("it is not known how the child ended")
		case state.Known() && state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL:
			t.Error(state)
		}
	}},
	{"TestL5_TheReceiverIsKilled", func(t *testing.T, s suite) {
		h := s.hold(t, "share")
		second := h.secondHolder(t)
		h.kill()
		h.after(t, model.Sent, model.Arrived, model.Killed)
		if err := second.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		h.after(t, model.Event{Kind: model.Kill, Holder: model.Another})
	}},
	{"TestL3_TheReceiverCloses", func(t *testing.T, s suite) {
		h := s.hold(t, "share")
		p := h.receiveProcess(t, s)
		p.Close()
		h.after(t, model.Sent, model.Arrived, model.OtherClosed)
		h.kill()
		h.after(t, model.Killed)
		s.wait(t, p)
	}},
	{"TestL3_SentAndNotReceived", func(t *testing.T, s suite) {
		h := s.hold(t, "share")
		h.tell(t)
		h.expect(t, "done")
		h.kill()
		h.after(t, model.Sent, model.Killed)
		h.socket.Close()
		h.after(t, model.Gone)
	}},
	{"TestE2_StatusThroughASecondHolder", func(t *testing.T, s suite) {
		h := s.hold(t, "share")
		p := h.receiveProcess(t, s)
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		h.gone(t)
		state, err := p.Wait()
		if err != nil || s.mustTell(model.Asking{Another: true}) && (!state.Known() || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM) {
			t.Errorf("%v, %v: the holder who has started it lives, so it is known", state, err)
		}
	}},
	// Two in one program have the same child. Whoever started it reaps it, and so knows what
	// it has used, where the kernel tells that at all.
	{"TestE1_ReapedOnce", func(t *testing.T, s suite) {
		for range times(10, 3) {
			p, e := s.start(t)
			file, err := p.File()
			if err != nil {
				t.Fatal(err)
			}
			second, err := autokill.FromFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e.say.Close() // the end of its input ends cat
			for _, p := range []*autokill.Process{p, second} {
				s.wait(t, p)
				if state, err := p.Wait(); err != nil || state.Known() && !state.Success() {
					t.Errorf("%v, %v", state, err)
				}
			}
			state, err := p.Wait()
			if err != nil {
				t.Fatal(err)
			}
			usage, ok := state.SysUsage().(*syscall.Rusage)
			if tells := s.Mechanism == autokill.Tripwire; tells && (!ok || usage.Maxrss == 0) {
				t.Fatalf("somebody else has reaped the child: its usage is %+v", usage)
			}
		}
	}},
	{"TestE3_StopBySecondHolder", func(t *testing.T, s suite) {
		h := s.hold(t, "share", "ignore")
		p := h.receiveProcess(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		// The first holder keeps its handle: Stop kills all the same.
		state, err := p.Stop(ctx, syscall.SIGTERM)
		if err != nil || state.Known() && state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("%v, %v", state, err)
		}
		h.gone(t)
	}},
}

// share is a manner of a holder: it sends its handle, whenever it is told to.
func share(h *holder) int {
	conn := socketAt(holderSocket)
	for {
		check(h.process.Send(conn))
		h.say("done")
		h.await()
	}
}

// receiveProcess makes the test a second holder.
func (h *held) receiveProcess(t *testing.T, s suite) *autokill.Process {
	t.Helper()
	h.tell(t)
	h.expect(t, "done")
	p, err := autokill.Receive(h.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		<-p.Done()
	})
	s.sameChild(t, p, h.child)
	return p
}

// sameChild holds what a Process that came from elsewhere says to what is known.
func (s suite) sameChild(t *testing.T, p *autokill.Process, pid int) {
	t.Helper()
	if p.Pid != pid || p.Mechanism() != s.Mechanism || p.Scope() != s.Scope {
		t.Errorf("received %d, %v, %v; want %d, %v, %v", p.Pid, p.Mechanism(), p.Scope(), pid, s.Mechanism, s.Scope)
	}
	if err := p.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("Signal: %v", err)
	}
	members, err := p.Members()
	switch {
	case errors.Is(err, errors.ErrUnsupported): // without /proc
	case err != nil, !slices.Contains(members, pid):
		t.Errorf("members %v, %v", members, err)
	}
}

const receiverRole = "receiver"

// secondHolder is a process that receives the handle and keeps it until it is killed.
func (h *held) secondHolder(t *testing.T) *exec.Cmd {
	t.Helper()
	c := testproc.Command(receiverRole)
	c.ExtraFiles = []*os.File{h.socket}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	h.tell(t)
	h.expect(t, "done")
	var pid int
	if _, err := fmt.Fscanf(out, "%d\n", &pid); err != nil || pid != h.child {
		t.Fatalf("the second holder has %d, %v, want %d", pid, err, h.child)
	}
	return c
}

// receiver is the role.
func receiver([]string) int {
	p, err := autokill.Receive(socketAt(3))
	check(err)
	fmt.Println(p.Pid)
	return forever()
}
