//go:build amd64 || arm64

package autokill

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// sockets are a connection that the test closes.
func sockets(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = os.NewFile(uintptr(pair[0]), "socket"), os.NewFile(uintptr(pair[1]), "socket")
	t.Cleanup(func() {
		ours.Close()
		theirs.Close()
	})
	return ours, theirs
}

// TestReceivedIsCloseOnExec: a handle that is being received does not leak into a child that
// somebody starts meanwhile.
func TestReceivedIsCloseOnExec(t *testing.T) {
	ours, theirs := sockets(t)
	if err := sendRecord(theirs, record{kind: kindHandle, handle: theirs}); err != nil {
		t.Fatal(err)
	}
	received, err := receiveRecord(ours)
	if err != nil {
		t.Fatal(err)
	}
	defer received.close()
	if flags, err := unix.FcntlInt(received.handle.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
}

// TestHandOverIsConfirmed: who ends without a word has not taken over, so nothing is given up.
func TestHandOverIsConfirmed(t *testing.T) {
	ours, theirs := sockets(t)
	c := Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		theirs.Close() // with the reference that is in flight
		c.Process.Close()
		<-c.Process.Done()
	}()
	if err := unix.Shutdown(int(theirs.Fd()), unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if err := HandOver(ours, map[string]Handed{"a": {Process: c.Process}}); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if file, err := c.Process.File(); err != nil {
		t.Errorf("it was given up: %v", err)
	} else {
		file.Close()
	}
}

// TestTakeOverKeepsNone: what a handover has brought until it failed is not kept alive.
func TestTakeOverKeepsNone(t *testing.T) {
	ours, theirs := sockets(t)
	c := Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Wait() //nolint:errcheck // it reaps
	defer c.Process.Kill() //nolint:errcheck // where the test fails
	file, err := c.Process.File()
	if err == nil {
		err = sendRecord(theirs, record{kind: kindHanded, name: "a", handle: file})
	}
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	theirs.Close() // the sender has died
	if handles, err := TakeOver(ours); err == nil {
		t.Errorf("took over %v", handles)
	}
	c.Process.Close()
	select {
	case <-c.Process.Done():
	case <-time.After(10 * time.Second):
		t.Error("the child lives, and nobody has its handle")
	}
}

// sleeper is a child that ends with the test.
func sleeper(t *testing.T) *Cmd {
	t.Helper()
	c := Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill() //nolint:errcheck // others may have the handle, where the test fails
		c.Process.Wait() //nolint:errcheck // it reaps
	})
	return c
}

// TestTakeOverFailsWithNothingLeft: a sender who breaks off again and again costs the receiver
// nothing, also while the children live.
func TestTakeOverFailsWithNothingLeft(t *testing.T) {
	c := sleeper(t)
	ours, theirs := sockets(t)
	before := testproc.Descriptors()
	for _, name := range []string{"a", "b", "c"} {
		file, err := c.Process.File()
		if err == nil {
			err = sendRecord(theirs, record{kind: kindHanded, name: name, handle: file})
		}
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	if _, err := theirs.Write(record{kind: kindTaken}.header()); err != nil { // out of turn
		t.Fatal(err)
	}
	if handles, err := TakeOver(ours); !errors.Is(err, ErrNotHandle) {
		t.Errorf("%v, %v", handles, err)
	}
	if after := testproc.DescriptorsSoon(before); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestInheritedDamaged: where the list that was left is wrong, what it names is not closed,
// for nobody knows what it is, but children of os/exec do not get it.
func TestInheritedDamaged(t *testing.T) {
	inheritable := func(file *os.File) int {
		fd, err := unix.Dup(int(file.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, format := range map[string]string{
		"the same name twice": `{"handles":[{"name":"eA==","fd":%d},{"name":"eA==","fd":%d}]}`,
		"a standard stream":   `{"handles":[{"name":"eA==","fd":2},{"name":"eQ==","fd":%d},{"name":"eg==","fd":%d}]}`,
		"no number":           `{"handles":[{"name":"eA==","fd":%d},{"name":"eQ==","fd":%d},{"name":"eg==","fd":"x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			left := []int{inheritable(null), inheritable(null)}
			list, err := nameless()
			if err != nil {
				t.Fatal(err)
			}
			defer list.Close()
			if _, err := fmt.Fprintf(list, format, left[0], left[1]); err != nil {
				t.Fatal(err)
			}
			t.Setenv(handoverEnv, formatHandover(os.Getpid(), inheritable(list)))
			if handles, err := Inherited(); err == nil {
				t.Errorf("inherited %v", handles)
			}
			for _, fd := range left {
				if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("descriptor %d: flags %#x, %v", fd, flags, err)
				}
				_ = unix.Close(fd)
			}
			if flags, err := unix.FcntlInt(2, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
				t.Errorf("standard error: flags %#x, %v", flags, err)
			}
		})
	}
}

// TestTakeOverHasALimit: a sender cannot use up the receiver's memory by many handles, or by
// one under many names, each of which is small enough.
func TestTakeOverHasALimit(t *testing.T) {
	c := sleeper(t)
	data := make([]byte, MaxData)
	tooMany, tooMuch := map[string]Handed{}, map[string]Handed{}
	for n := range MaxHandles + 1 {
		tooMany[strconv.Itoa(n)] = Handed{Process: c.Process}
	}
	for n := range MaxTotal / MaxData {
		tooMuch[strconv.Itoa(n)] = Handed{Process: c.Process, Data: data} // without the names it were just enough
	}
	ours, theirs := sockets(t)
	if err := theirs.SetDeadline(time.Now().Add(10 * time.Second)); err != nil { // where it is not refused
		t.Fatal(err)
	}
	for _, handles := range []map[string]Handed{tooMany, tooMuch} {
		if err := HandOver(theirs, handles); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%d handles: %v", len(handles), err)
		}
	}
	sent := make(chan struct{})
	go func() { // what HandOver has refused
		defer close(sent)
		for name, handed := range tooMuch {
			file, err := c.Process.File()
			if err == nil {
				err = sendRecord(theirs, record{kind: kindHanded, name: name, data: handed.Data, handle: file})
				file.Close()
			}
			if err != nil {
				t.Error(err)
			}
		}
		if err := sendRecord(theirs, record{kind: kindEnd}); err != nil {
			t.Error(err)
		}
	}()
	if handles, err := TakeOver(ours); !errors.Is(err, ErrNotHandle) {
		t.Errorf("took over %d handles, %v", len(handles), err)
	}
	<-sent
}

func TestLoad(t *testing.T) {
	for _, tt := range []struct {
		before load
		bytes  int
		ok     bool
	}{
		{load{}, 0, true},
		{load{}, MaxTotal, true},
		{load{}, MaxTotal + 1, false},
		{load{1, MaxTotal - MaxData}, MaxData, true},
		{load{1, MaxTotal - MaxData}, MaxData + 1, false},
		{load{MaxHandles - 1, 0}, 0, true},
		{load{MaxHandles, 0}, 0, false},
	} {
		after := tt.before
		if err := after.add(tt.bytes); (err == nil) != tt.ok {
			t.Errorf("%d bytes to %+v: %v", tt.bytes, tt.before, err)
		}
		if after.handles != tt.before.handles+1 || after.bytes != tt.before.bytes+tt.bytes {
			t.Errorf("%d bytes to %+v are %+v", tt.bytes, tt.before, after)
		}
	}
}
