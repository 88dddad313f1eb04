//go:build linux && (amd64 || arm64)

package bond

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

func sleeper() *clone.Request {
	return &clone.Request{Path: "/bin/sleep", Argv: []string{"sleep", "1000"}, Files: []int{-1, -1, 2}}
}

func TestProve(t *testing.T) {
	if err := Prove(Tripwire); err != nil {
		t.Errorf("tripwire does not work here: %v", err)
	}
	if err := Prove(Native); err != nil {
		if askNative() == nil || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("native: %v", err)
		}
		t.Logf("native: %v", err)
	}
}

func TestVerdict(t *testing.T) {
	step := func(name string, err error) error { return os.NewSyscallError(name, err) }
	tests := []struct {
		err         error
		works       bool
		unsupported bool
	}{
		{step("ppoll", clone.ErrNotStarted), true, false},
		{step("close_range", clone.ErrNotStarted), true, false},
		{step(stepSeal, clone.ErrNotStarted), true, false},
		{step(stepSeal, unix.EINVAL), false, true},
		{step(stepLeads, errors.ErrUnsupported), false, true},
		{step("close_range", unix.ENOSYS), false, true},
		{step("ppoll", unix.EPERM), false, true},
		{step("fcntl(F_SETSIG)", clone.ErrNotStarted), false, false},
		{step("fcntl(F_SETOWN_EX)", unix.EPERM), false, true},
		{step("pidfd_open", unix.ENOSYS), false, true},
		{step("pipe2", unix.EMFILE), false, false},
		{step("clone3", unix.EAGAIN), false, false},
		{step("sendmsg(parcel)", unix.ETOOMANYREFS), false, false},
		{step("setgroups", unix.EPERM), false, false}, // the caller's wish
		{step(stepSameNamespace, errors.ErrUnsupported), false, true},
		{nil, false, false},
	}
	for _, tt := range tests {
		got := verdict(tt.err)
		if (got == nil) != tt.works || errors.Is(got, errors.ErrUnsupported) != tt.unsupported {
			t.Errorf("verdict(%v) = %v", tt.err, got)
		}
	}
}

// TestOwnStepsExist: the list in explain.go is of names that the vector really has.
func TestOwnStepsExist(t *testing.T) {
	var names []string
	p := newParcel(ScopeTree)
	r := new(clone.Request)
	p.seal(r)
	for _, s := range slices.Concat(p.steps, p.introduction(), r.Confinement) {
		names = append(names, s.Name)
	}
	for _, name := range ownSteps {
		switch name {
		case "close_range", "close_range(CLOSE_RANGE_UNSHARE)", "prctl(PR_SET_NO_NEW_PRIVS)", "rt_sigprocmask", "rt_sigaction", "socketpair", "setsockopt(SO_PASSCRED)", "ppoll", "sendmsg(command)":
			continue // of package clone, of the parent, of a proof, of package pidns
		}
		if !slices.Contains(names, name) {
			t.Errorf("a parcel has no step %q", name)
		}
	}
}

// TestProofExpires: a success is not trusted for ever, a failure not at all.
func TestProofExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p proof
		asked := 0
		works := func() error { asked++; return nil }
		fails := func() error { asked++; return unix.EMFILE }

		if err := p.check(time.Now(), fails); !errors.Is(err, unix.EMFILE) {
			t.Fatalf("got %v", err)
		}
		for range 3 {
			if err := p.check(time.Now(), works); err != nil {
				t.Fatal(err)
			}
		}
		if asked != 2 {
			t.Errorf("asked %d times, want once for the failure and once for the success", asked)
		}
		time.Sleep(trusted)
		if err := p.check(time.Now(), fails); err == nil {
			t.Error("a proof was trusted after its time")
		}
	})
}

// TestParcel looks at what a holder can read of a living child, as a holder would.
func TestParcel(t *testing.T) {
	c, err := Start(sleeper(), Wish{Kind: Tripwire})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Handle.Close()
		if end := c.Await(); end.Status.Signal() != syscall.SIGKILL {
			t.Errorf("ended with %+v", end)
		}
		c.Observer.Close()
	}()
	payload, control := make([]byte, 64), make([]byte, 256)
	n, cn, flags, _, err := unix.Recvmsg(int(c.Handle.Fd()), payload, control, unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0 {
		t.Fatalf("flags %#x", flags)
	}
	want := append([]byte("autokill\x01\x00\x00\x00"), 0, 0, 0, 0)
	binary.NativeEndian.PutUint32(want[12:], uint32(c.Pid))
	if string(payload[:n]) != string(want) {
		t.Errorf("description %q, want %q", payload[:n], want)
	}
	m, err := parseMessage(payload[:n], control[:cn])
	if err != nil || len(m.files) != 1 {
		t.Fatalf("descriptors %v, %v", m.files, err)
	}
	fds := m.files
	defer unix.Close(fds[0])
	if sender := m.sender; sender.Pid != int32(c.Pid) || sender.Uid != uint32(os.Getuid()) {
		t.Errorf("the kernel says that %+v has sent it", sender)
	}
	if err := unix.PidfdSendSignal(fds[0], 0, nil, 0); err != nil {
		t.Errorf("the descriptor is no pidfd of the living child: %v", err)
	}
}

func TestStartErrorsNameTheMechanism(t *testing.T) {
	r := sleeper()
	r.Path = "/no/such/file"
	_, err := Start(r, Wish{Kind: Tripwire})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Tripwire || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("got %v", err)
	}
	if got, want := fmt.Sprint(err), "tripwire: execve /no/such/file: no such file or directory"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkStart(b *testing.B) {
	r := &clone.Request{Path: "/bin/true", Argv: []string{"true"}, Files: []int{-1, -1, 2}}
	b.ReportAllocs()
	for b.Loop() {
		c, err := Start(r, Wish{})
		if err != nil {
			b.Fatal(err)
		}
		c.Await()
		c.Handle.Close()
		c.Observer.Close()
	}
}
