//go:build linux

package descriptor

import (
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// end makes an FD of the writing end of a pipe. The reading end tells when it is closed.
func end(t *testing.T) (r *os.File, number int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Cleanup(func() { r.Close() })
	conn, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Control(func(fd uintptr) { number, err = duplicate(int(fd)) }); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, number
}

// isClosed waits for the end of file.
func isClosed(t *testing.T, r *os.File) {
	t.Helper()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// numbered asks for the number as Control and as Call give it.
func numbered(fd *FD) (number int, err error) {
	err = fd.Control(func(n int) error {
		number = n
		return nil
	})
	return number, err
}

func TestByNumber(t *testing.T) {
	r, number := end(t)
	fd := New(number, "a pipe")
	if n, err := numbered(fd); n != number || err != nil || fd.Fd() != uintptr(number) {
		t.Errorf("%d, %v instead of %d", n, err, number)
	}
	failed := errors.New("failed")
	if err := fd.Control(func(int) error { return failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	if err := fd.Close(); err != nil {
		t.Error(err)
	}
	isClosed(t, r)
	refused(t, fd, os.ErrClosed)
}

// TestByFile: the file and the FD are one.
func TestByFile(t *testing.T) {
	r, number := end(t)
	fd := New(number, "a pipe")
	file, err := fd.File()
	if err != nil || file.Name() != "a pipe" {
		t.Fatal(file, err)
	}
	if again, err := fd.File(); again != file || err != nil {
		t.Error("a second file", err)
	}
	if n, err := numbered(fd); n != number || err != nil || fd.Fd() != uintptr(number) {
		t.Errorf("%d, %v instead of %d", n, err, number)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	isClosed(t, r)
	if _, err := numbered(fd); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if err := fd.Close(); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

// TestOf: the file goes with the FD.
func TestOf(t *testing.T) {
	r, number := end(t)
	file := os.NewFile(uintptr(number), "a pipe")
	fd, err := Of(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := fd.Close(); err != nil {
		t.Error(err)
	}
	isClosed(t, r)
	if _, err := file.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if _, err := Of(nil); !errors.Is(err, os.ErrInvalid) {
		t.Error(err)
	}
}

// TestCloseWaitsForItsUser: closing a file waits for who is using it, and that one may use the FD.
func TestCloseWaitsForItsUser(t *testing.T) {
	r, number := end(t)
	fd := New(number, "a pipe")
	conn, err := fd.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	using, refused := make(chan struct{}), make(chan error, 1)
	go func() {
		_ = conn.Write(func(uintptr) bool {
			close(using)
			for {
				if _, err := numbered(fd); err != nil {
					refused <- err
					return true
				}
				runtime.Gosched()
			}
		})
	}()
	<-using
	closed := make(chan error, 1)
	go func() { closed <- fd.Close() }()
	for what, result := range map[string]chan error{"use": refused, "close": closed} {
		select {
		case err := <-result:
			if want := map[string]error{"use": os.ErrClosed}[what]; !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: they wait for each other", what)
		}
	}
	isClosed(t, r)
}

func TestZero(t *testing.T) { refused(t, new(FD), os.ErrInvalid) }

func refused(t *testing.T, fd *FD, want error) {
	t.Helper()
	_, noNumber := numbered(fd)
	_, noFile := fd.File()
	_, noConn := fd.SyscallConn()
	for what, err := range map[string]error{"Control": noNumber, "File": noFile, "SyscallConn": noConn, "Close": fd.Close()} {
		if !errors.Is(err, want) {
			t.Errorf("%s: %v instead of %v", what, err, want)
		}
	}
	if n := fd.Fd(); n != ^uintptr(0) {
		t.Errorf("the number %d", n)
	}
}

// TestGarbage: what nobody has any more is closed, but a file that somebody has is not.
func TestGarbage(t *testing.T) {
	r, number := end(t)
	New(number, "a pipe")
	gone := make(chan struct{})
	go func() {
		isClosed(t, r)
		close(gone)
	}()
	for collected := false; !collected; {
		runtime.GC()
		select {
		case <-gone:
			collected = true
		default:
		}
	}

	_, number = end(t)
	file, err := New(number, "a pipe").File()
	if err != nil {
		t.Fatal(err)
	}
	last := make(chan struct{})
	runtime.SetFinalizer(new(FD), func(*FD) { close(last) })
	for collected := false; !collected; {
		runtime.GC()
		select {
		case <-last:
			collected = true
		default:
		}
	}
	if _, err := file.Stat(); err != nil {
		t.Error(err)
	}
	file.Close()
}

// TestAtOnce: whoever closes, one closes, and nobody is given a number that is another file's.
func TestAtOnce(t *testing.T) {
	for range 200 {
		r, number := end(t)
		fd := New(number, "a pipe")
		var all sync.WaitGroup
		closed := make(chan error, 2)
		for range cap(closed) {
			all.Go(func() { closed <- fd.Close() })
			all.Go(func() { _, _ = fd.File() })
			all.Go(func() {
				if n, err := numbered(fd); err == nil && n != number {
					t.Errorf("%d instead of %d", n, number)
				}
			})
		}
		all.Wait()
		if a, b := <-closed, <-closed; (a == nil) == (b == nil) {
			t.Errorf("%v and %v", a, b)
		}
		isClosed(t, r)
		r.Close()
	}
}
