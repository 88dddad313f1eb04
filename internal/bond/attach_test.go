//go:build linux && (amd64 || arm64)

package bond

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
	"github.com/autokill/autokill/pidfd"
)

func TestParseTarget(t *testing.T) {
	const status = "Name:\tUid: 5\nTgid:\t12\nUid:\t1000\t1001\t1002\t1003\nGid:\t1\t2\t3\t4\n"
	for text, want := range map[string]target{
		status:                         {pid: 12, inner: 12, real: 1000, saved: 1002},
		status + "NSpid:\t12\n":        {pid: 12, inner: 12, real: 1000, saved: 1002},
		status + "NSpid:\t12\t30\t1\n": {pid: 12, inner: 1, real: 1000, saved: 1002},
	} {
		got := target{pid: 12}
		if err := got.parse(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "Name:\tx\n", "Uid:\t1\t2\n", "Uid:\tx\t1\t1\t1\n", "Uid:\t1\t1\tx\t1\n", status + "NSpid:\tx\n"} {
		if err := (&target{pid: 12}).parse(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// bystander is a cat that answers, and so lives.
type bystander struct {
	*exec.Cmd
	in, out *os.File
}

func newBystander(t *testing.T) bystander {
	t.Helper()
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cat")
	cmd.Stdin, cmd.Stdout = theirIn, theirOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := bystander{cmd, in, out}
	t.Cleanup(b.end)
	return b
}

func (b bystander) end() {
	b.in.Close()
	b.out.Close()
	_ = b.Process.Kill()
	_ = b.Wait()
}

func (b bystander) lives(t *testing.T) {
	t.Helper()
	word := make([]byte, 4)
	if _, err := b.in.WriteString("ping"); err != nil {
		t.Fatalf("it is gone: %v", err)
	}
	if n, err := b.out.Read(word); err != nil || string(word[:n]) != "ping" {
		t.Fatalf("it is gone: answered %q, %v", word[:n], err)
	}
}

// TestPidReuse: where the pid has become another's between the pidfd and the arming, that
// one is not bound for a moment.
func TestPidReuse(t *testing.T) {
	const last = "/proc/sys/kernel/ns_last_pid"
	if err := os.WriteFile(last, []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		t.Skipf("needs to choose pids: %v", err)
	}
	for range 20 {
		first := newBystander(t)
		pid := first.Process.Pid
		observer, err := pidfd.Open(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer observer.Close()
		first.end()
		if err := os.WriteFile(last, []byte(strconv.Itoa(pid-1)), 0); err != nil {
			t.Fatal(err)
		}
		second := newBystander(t)
		if second.Process.Pid != pid {
			continue // somebody else was faster
		}
		before := testproc.Descriptors()
		for _, s := range []Scope{ScopeProcess, ScopeTree} {
			_, err := wire(target{pid: pid, inner: pid}, observer, s)
			if !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("%v: %v", s, err)
			}
		}
		if after := testproc.Descriptors(); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
		second.lives(t)
		return
	}
	t.Fatal("no pid was used again in 20 attempts")
}

// TestDisarm: a bond that is taken back before it was complete kills nobody, however far
// it came.
func TestDisarm(t *testing.T) {
	b := newBystander(t)
	for armed := range 5 {
		e := pipes{-1, -1, -1, -1}
		if err := errors.Join(e.open(), e.belongTo(b.Process.Pid, ScopeProcess)); err != nil {
			t.Fatal(err)
		}
		for _, end := range e[:armed] {
			if _, err := unix.FcntlInt(uintptr(end), unix.F_SETFL, unix.O_ASYNC); err != nil {
				t.Fatal(err)
			}
		}
		e.disarm()
		e.close()
		b.lives(t)
	}
}

// TestAttachedParcel: a parcel from outside is the same as one from inside.
func TestAttachedParcel(t *testing.T) {
	b := newBystander(t)
	c, err := Attach(b.Process.Pid, ScopeProcess)
	if err != nil {
		t.Fatal(err)
	}
	// Whoever holds the handle can know who has made it.
	if err := unix.SetsockoptInt(int(c.Handle.Fd()), unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	text, control := make([]byte, 64), make([]byte, 256)
	n, size, _, _, err := unix.Recvmsg(int(c.Handle.Fd()), text, control, unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	want := binary.NativeEndian.AppendUint32([]byte("autokill\x01\x00\x00\x00"), uint32(b.Process.Pid))
	if string(text[:n]) != string(want) {
		t.Errorf("description %q, want %q", text[:n], want)
	}
	messages, err := unix.ParseSocketControlMessage(control[:size])
	if err != nil {
		t.Fatal(err)
	}
	attested := false
	for _, m := range messages {
		if creds, err := unix.ParseUnixCredentials(&m); err == nil {
			attested = int(creds.Pid) == os.Getpid() && int(creds.Uid) == os.Geteuid()
		}
		if fds, err := unix.ParseUnixRights(&m); err == nil {
			for _, fd := range fds {
				if err := unix.PidfdSendSignal(fd, 0, nil, 0); err != nil {
					t.Errorf("the descriptor is no pidfd of the living process: %v", err)
				}
				unix.Close(fd)
			}
		}
	}
	if !attested {
		t.Error("it does not say who has made it")
	}
	c.Handle.Close()
	if end := c.Await(); !end.Known || end.Status.Signal() != unix.SIGKILL {
		t.Errorf("ended with %+v", end)
	}
	c.Close()
}
