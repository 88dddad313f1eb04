//go:build linux && (amd64 || arm64)

package autokill

import (
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// FuzzHandover: whatever the file has that the environment names, no descriptor of the
// standard streams is taken for a handle, none is taken twice, and the file is closed.
func FuzzHandover(f *testing.F) {
	f.Add([]byte(`{"handles":[{"name":"bmFtZQ==","data":"ZGF0YQ==","fd":7},{"name":"","data":null,"fd":8}],"dying":[4711]}`))
	f.Add([]byte(`{"handles":[{"name":"","fd":7},{"name":"","fd":8}]}`))
	f.Add([]byte(`{"handles":[{"name":"eA==","fd":2}],"dying":[-1,0]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := nameless()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Write(text); err != nil {
			t.Fatal(err)
		}
		// It is closed by who reads it.
		fd, err := unix.Dup(int(file.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		list, err := readLegacy(fd)
		if _, open := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !errors.Is(open, unix.EBADF) {
			_ = unix.Close(fd)
			t.Fatalf("the list is open: %v", open)
		}
		if err != nil || checkList(list.Handles) != nil {
			return
		}
		var numbers []int
		for _, l := range list.Handles {
			if l.FD < 3 || slices.Contains(numbers, l.FD) {
				t.Errorf("%q was accepted", text)
			}
			numbers = append(numbers, l.FD)
		}
	})
}

// FuzzTakeOver is a hostile sender: bytes of his, and where he likes a descriptor that is no
// handle. Nothing is taken over, and nothing stays open.
func FuzzTakeOver(f *testing.F) {
	handed := record{kind: kindHanded, name: "name", data: []byte("data")}
	whole := append(append(handed.header(), "name"...), "data"...)
	f.Add(whole, uint8(0))
	f.Add(append(whole, record{kind: kindEnd}.header()...), uint8(24))
	f.Add(record{kind: kindHandle}.header(), uint8(1))
	f.Add(record{kind: kindTaken}.header(), uint8(200))
	f.Add([]byte("autokill"), uint8(3))
	null, err := os.Open(os.DevNull)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { null.Close() })
	f.Fuzz(func(t *testing.T, text []byte, at uint8) {
		text = text[:min(len(text), pieceSize)] // what fits into the socket: nobody reads meanwhile
		before := testproc.Descriptors()
		ours, theirs := sockets(t)
		split := min(int(at), len(text))
		if _, err := theirs.Write(text[:split]); err != nil {
			t.Fatal(err)
		}
		if split < len(text) {
			if err := unix.Sendmsg(int(theirs.Fd()), text[split:], unix.UnixRights(int(null.Fd())), nil, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Shutdown(int(theirs.Fd()), unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		handles, err := TakeOver(ours)
		// Nothing but the end of a handover that had no handle is right.
		if len(handles) != 0 || err == nil && string(text[:min(len(text), 20)]) != string(record{kind: kindEnd}.header()[:20]) {
			t.Errorf("%d handles, %v", len(handles), err)
		}
		ours.Close()
		theirs.Close()
		if after := testproc.DescriptorsSoon(before); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}
