//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// recordOf is what a sender begins with: kind 1 is a handle, 2 one of a handover, 3 its end.
func recordOf(kind uint16, name, data uint32) []byte {
	b := append([]byte{}, "autokill"...)
	b = binary.NativeEndian.AppendUint16(b, 1)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint32(b, name)
	b = binary.NativeEndian.AppendUint32(b, data)
	return append(b, 0, 0, 0, 0)
}

// TestReceiveDistrusts: what a hostile sender can put into a connection is an error at once,
// for Receive and for TakeOver, and leaves nothing open.
func TestReceiveDistrusts(t *testing.T) {
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	files := func(n int) (rights []byte) {
		numbers := make([]int, n)
		for i := range numbers {
			numbers[i] = int(null.Fd())
		}
		return unix.UnixRights(numbers...)
	}
	tests := []struct {
		name   string
		text   []byte
		rights []byte
		want   error // in that of Receive
	}{
		{"nothing", nil, nil, io.EOF},
		{"a cut-off record", recordOf(1, 0, 0)[:10], files(1), io.ErrUnexpectedEOF},
		{"something else", bytes.Repeat([]byte("GET / "), 4), nil, autokill.ErrNotHandle},
		{"something else with a file", bytes.Repeat([]byte("GET / "), 4), files(1), autokill.ErrNotHandle},
		{"no file", recordOf(1, 0, 0), nil, autokill.ErrNotHandle},
		{"a file that is no handle", recordOf(1, 0, 0), files(1), autokill.ErrNotHandle},
		{"two files", recordOf(1, 0, 0), files(2), autokill.ErrNotHandle},
		{"very many files", recordOf(1, 0, 0), files(200), autokill.ErrNotHandle},
		{"a name of 4 GiB", recordOf(2, 1<<32-1, 0), files(1), autokill.ErrNotHandle},
		{"data of 4 GiB", recordOf(2, 1, 1<<32-1), files(1), autokill.ErrNotHandle},
		{"a name that does not come", recordOf(2, 100, 0), files(1), io.ErrUnexpectedEOF},
		{"an end with a file", recordOf(3, 0, 0), files(1), autokill.ErrNotHandle},
	}
	distrusts := func(kind int, told bool) {
		for _, tt := range tests {
			for name, receive := range map[string]func(*os.File) error{
				"Receive":  func(c *os.File) error { _, err := autokill.Receive(c); return err },
				"TakeOver": func(c *os.File) error { _, err := autokill.TakeOver(c); return err },
			} {
				ours, theirs := connection(t, kind)
				if len(tt.text) > 0 {
					if err := unix.Sendmsg(int(theirs.Fd()), tt.text, tt.rights, nil, 0); err != nil {
						t.Fatal(err)
					}
				}
				theirs.Close()
				if told {
					askWhoSends(t, ours)
				}
				before := testproc.Descriptors()
				if err := ours.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
					t.Fatal(err)
				}
				err := receive(ours)
				if !errors.Is(err, tt.want) && kind == unix.SOCK_STREAM || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s, type %d, told %v, %s: %v", name, kind, told, tt.name, err)
				}
				if after := testproc.DescriptorsSoon(before); after != before {
					t.Errorf("%s, type %d, told %v, %s: %d open before, %d after", name, kind, told, tt.name, before, after)
				}
				ours.Close()
			}
		}
	}
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
		distrusts(kind, false)
		distrusts(kind, true)
	}
}

// askWhoSends has the kernel name the sender of each message, as a server does that wants to
// know its clients.
func askWhoSends(t *testing.T, conn *os.File) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var creds, pidfd error
	err = raw.Control(func(fd uintptr) {
		creds = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
		pidfd = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSPIDFD, 1)
	})
	if errors.Is(pidfd, unix.ENOPROTOOPT) {
		pidfd = nil // before Linux 6.5
	}
	if err := errors.Join(err, creds, pidfd); err != nil {
		t.Fatal(err)
	}
}

// TestReceiveWhereSendersAreNamed: what the kernel adds to a message is neither taken for a
// part of it, nor keeps a part out, nor stays open.
func TestReceiveWhereSendersAreNamed(t *testing.T) {
	receive := func(kind int) {
		cmd := autokill.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			cmd.Process.Kill() //nolint:errcheck // others may have the handle, where the test fails
			cmd.Process.Wait() //nolint:errcheck // it reaps
		}()
		ours, theirs := connection(t, kind)
		defer ours.Close()
		defer theirs.Close()
		askWhoSends(t, ours)
		if err := cmd.Process.Send(theirs); err != nil {
			t.Fatal(err)
		}
		received, err := autokill.Receive(ours)
		if err != nil {
			t.Fatalf("type %d: %v", kind, err)
		}
		done := make(chan error, 1)
		go func() {
			done <- autokill.HandOver(theirs, map[string]autokill.Handed{"a": {Process: received, Data: []byte("data")}})
		}()
		handles, err := autokill.TakeOver(ours)
		if err != nil || string(handles["a"].Data) != "data" {
			t.Fatalf("type %d: %v, %v", kind, handles, err)
		}
		if err := <-done; err != nil {
			t.Errorf("type %d: %v", kind, err)
		}
		// At the end of the child all that was opened for it is closed.
		cmd.Process.Kill() //nolint:errcheck // Wait tells
		for _, p := range []*autokill.Process{handles["a"].Process, cmd.Process} {
			if _, err := p.Wait(); err != nil {
				t.Errorf("type %d: %v", kind, err)
			}
		}
		<-received.Done()
	}
	start := testproc.Descriptors()
	receive(unix.SOCK_STREAM) // what is opened once is open now
	before := testproc.DescriptorsSoon(start)
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
		receive(kind)
		if after := testproc.DescriptorsSoon(before); after != before {
			t.Errorf("type %d: %d open before, %d after", kind, before, after)
		}
	}
}

// TestReceiveHasADeadline: a sender who says nothing more is not waited for.
func TestReceiveHasADeadline(t *testing.T) {
	ours, theirs := connection(t, unix.SOCK_STREAM)
	defer ours.Close()
	defer theirs.Close()
	if _, err := theirs.Write(recordOf(1, 0, 0)[:5]); err != nil {
		t.Fatal(err)
	}
	if err := ours.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := autokill.Receive(ours); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

func connection(t *testing.T, kind int) (a, b *os.File) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(pair[0]), "socket"), os.NewFile(uintptr(pair[1]), "socket")
}

// overTCP is without package net, which would bring cgo's threads into this binary.
func overTCP(t *testing.T) (server, client *os.File) {
	t.Helper()
	socket := func(fd int, err error) *os.File {
		if err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(fd), "TCP")
	}
	listener := socket(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	defer listener.Close()
	client = socket(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
	l := int(listener.Fd())
	if err := errors.Join(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(l, 1)); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(l)
	if err == nil {
		err = unix.Connect(int(client.Fd()), address)
	}
	if err != nil {
		t.Fatal(err)
	}
	fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	return socket(fd, err), client
}

// TestHandoverRefused: what cannot be handed over is refused before anything is sent.
func TestHandoverRefused(t *testing.T) {
	cmd := autokill.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Close()
		<-cmd.Process.Done()
	}()
	ours, theirs := connection(t, unix.SOCK_STREAM)
	defer ours.Close()
	defer theirs.Close()
	for name, handles := range map[string]map[string]autokill.Handed{
		"no process":    {"a": {}},
		"a long name":   {string(make([]byte, autokill.MaxName+1)): {Process: cmd.Process}},
		"too much data": {"a": {Process: cmd.Process, Data: make([]byte, autokill.MaxData+1)}},
	} {
		if err := autokill.HandOver(ours, handles); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%s: HandOver: %v", name, err)
		}
		if err := autokill.Exec("/bin/true", []string{"true"}, nil, handles); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%s: Exec: %v", name, err)
		}
	}
	before := testproc.Descriptors()
	err := autokill.Exec("/no/such/program", []string{"x"}, nil, map[string]autokill.Handed{"a": {Process: cmd.Process}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Exec of nothing: %v", err)
	}
	if after := testproc.DescriptorsSoon(before); after != before {
		t.Errorf("%d open before, %d after", before, after)
	}
	if err := cmd.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("after a failed Exec: %v", err)
	}
	server, client := overTCP(t)
	defer server.Close()
	defer client.Close()
	if err := cmd.Process.Send(client); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("Send through TCP: %v", err)
	}
	if err := autokill.HandOver(client, map[string]autokill.Handed{"a": {Process: cmd.Process}}); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("HandOver through TCP: %v", err)
	}
	if err := autokill.HandOver(nil, map[string]autokill.Handed{"a": {Process: cmd.Process}}); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("HandOver through nothing: %v", err)
	}
	pid := strconv.Itoa(os.Getpid())
	for _, value := range []string{"", "x", "7", ":7", "x:7", "-1:7", pid, pid + ":", pid + ":x", pid + ":0", pid + ":1", pid + ":-1", pid + ":99999", pid + ":7:8"} {
		t.Setenv("AUTOKILL_HANDOVER", value)
		if handles, err := autokill.Inherited(); err == nil {
			t.Errorf("inherited %v by %q", handles, value)
		}
	}
	if handles, err := autokill.Inherited(); err != nil || len(handles) != 0 {
		t.Errorf("%v, %v", handles, err)
	}
}

// TestInheritedIsWhatWasLeft: a number that stands in the environment, for a file of this
// program, is not taken for what the program before has left. If that file were closed, its
// number could become a handle's, and its owner close that.
func TestInheritedIsWhatWasLeft(t *testing.T) {
	own, err := os.Create(filepath.Join(t.TempDir(), "own"))
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	fd := strconv.Itoa(int(own.Fd()))
	t.Setenv("AUTOKILL_HANDOVER", strconv.Itoa(os.Getpid())+":"+fd)
	if handles, err := autokill.Inherited(); err == nil {
		t.Errorf("inherited %v from a file of its own", handles)
	}
	// As in a child that a program has started before it has called Inherited.
	t.Setenv("AUTOKILL_HANDOVER", strconv.Itoa(os.Getpid()+1)+":"+fd)
	if handles, err := autokill.Inherited(); err != nil || len(handles) != 0 {
		t.Errorf("inherited what was left to another process: %v, %v", handles, err)
	}
	if value, there := os.LookupEnv("AUTOKILL_HANDOVER"); there {
		t.Errorf("%q is still there", value)
	}
	if _, err := own.Stat(); err != nil {
		t.Errorf("the file of its own: %v", err)
	}
}
