//go:build linux && (amd64 || arm64)

package pidfd

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

func TestSignal(t *testing.T) {
	c := hold(t, 0)
	fd := openChild(t, c)
	if err := fd.Signal(syscall.SIGKILL, ToReferent); err != nil {
		t.Fatal(err)
	}
	if err := fd.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := fd.Signal(syscall.SIGTERM, ToReferent); err != nil {
		t.Errorf("a zombie: %v", err)
	}
	c.reap()
	if ws := c.ProcessState.Sys().(syscall.WaitStatus); ws.Signal() != syscall.SIGKILL {
		t.Errorf("ended with %v", ws)
	}
	wantErr(t, fd.Signal(0, ToReferent), os.ErrProcessDone, syscall.ESRCH)
	wantErr(t, fd.Signal(syscall.SIGKILL, ToReferent), os.ErrProcessDone)
}

func TestSignalErrors(t *testing.T) {
	fd := must[*FD](t)(Open(os.Getpid(), 0))
	closeLater(t, fd)
	for _, test := range []struct {
		sig    syscall.Signal
		target Target
	}{
		{65, ToReferent},
		{-1, ToReferent},
		{65, ToThread},
		{65, ToProcessGroup},
		{0, ToThread | ToThreadGroup},
		{0, 1 << 3},
	} {
		err := fd.Signal(test.sig, test.target)
		wantErr(t, err, syscall.EINVAL)
		notErr(t, err, errors.ErrUnsupported)
	}
	// Every real signal number is accepted: ask a child that has ended.
	c := hold(t, 0)
	child := openChild(t, c)
	c.end()
	if err := child.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for sig := range syscall.Signal(maxSignal + 1) {
		if err := child.Signal(sig, ToReferent); err != nil {
			t.Errorf("signal %d: %v", sig, err)
		}
	}
}

func TestSignalPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may signal everybody: needs an ordinary user")
	}
	init, err := Open(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, init)
	wantErr(t, init.Signal(0, ToReferent), syscall.EPERM)
}

func TestSignalTargets(t *testing.T) {
	c := command(t, "sh", "-c", "cat <&0 & echo ready; cat")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := must[io.ReadCloser](t)(c.StdoutPipe())
	var group int
	t.Cleanup(func() {
		// What the shell leaves behind has become our child.
		for {
			if _, err := unix.Wait4(-group, nil, 0, nil); err != nil && !errors.Is(err, unix.EINTR) {
				break
			}
		}
	})
	c.run()
	group = c.Process.Pid
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	fd := openChild(t, c)
	for _, target := range []Target{ToThread, ToThreadGroup, ToProcessGroup} {
		err := fd.Signal(0, target)
		if since(t, "6.9", err) && err != nil {
			t.Errorf("target %d: %v", target, err)
		}
	}
	if !testproc.KernelAtLeast(6, 9) {
		return
	}
	// The end of the pipe is the end of all who could write to it.
	if err := fd.Signal(syscall.SIGKILL, ToProcessGroup); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	c.reap()

	member := hold(t, 0) // of our group, not its leader
	fd = openChild(t, member)
	err := fd.Signal(0, ToProcessGroup)
	wantErr(t, err, syscall.ESRCH)
	notErr(t, err, os.ErrProcessDone)
	if err := fd.Signal(0, ToReferent); err != nil {
		t.Error(err)
	}
}

func TestSignalThread(t *testing.T) {
	tid, end := thread(t)
	defer end()
	fd, err := Open(tid, Thread)
	if !since(t, "6.9", err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, fd)
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGUSR1)
	defer signal.Stop(got)
	for _, target := range []Target{ToReferent, ToThread, ToThreadGroup} {
		if err := fd.Signal(syscall.SIGUSR1, target); err != nil {
			t.Errorf("target %d: %v", target, err)
			continue
		}
		<-got
	}
}
