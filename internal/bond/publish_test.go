//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/mark"
)

// TestPublish: the name of a handle says whom it keeps alive, nobody can connect to it,
// and it is gone with the handle.
func TestPublish(t *testing.T) {
	for _, s := range []Scope{ScopeProcess, ScopeTree} {
		t.Run(s.String(), func(t *testing.T) {
			c, err := tripwire{s}.start(sleeper(), false)
			if err != nil {
				t.Fatal(err)
			}
			address, err := unix.Getsockname(int(c.Handle.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			name := address.(*unix.SockaddrUnix).Name
			m, ok := mark.Parse(strings.TrimPrefix(name, "@"))
			if !ok || m.Scope != s.String() || m.PID != c.Pid || m.Namespace == 0 || m.At == 0 {
				t.Errorf("%q is %+v, %v; the child is %d", name, m, ok, c.Pid)
			}
			for _, kind := range []int{unix.SOCK_SEQPACKET, unix.SOCK_STREAM, unix.SOCK_DGRAM} {
				if err := reach(t, kind, address); !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EPROTOTYPE) {
					t.Errorf("connect by a socket of type %d: %v", kind, err)
				}
			}
			if !published(t, name) {
				t.Errorf("no %q in /proc/net/unix", name)
			}
			c.Handle.Close()
			if published(t, name) {
				t.Errorf("%q is still there", name)
			}
			c.Await()
			c.Close()
		})
	}
}

func reach(t *testing.T, kind int, address unix.Sockaddr) error {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = unix.Connect(fd, address)
	if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
	return err
}

func published(t *testing.T, name string) bool {
	t.Helper()
	for range 2 { // it can be left out while others come and go
		table, err := os.ReadFile("/proc/net/unix")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(table), " "+name+"\n") {
			return true
		}
	}
	return false
}
