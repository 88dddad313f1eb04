//go:build linux

package cli

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

func socketPair(t *testing.T, kind int) (a, b *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b = os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket")
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

func tcpPair(t *testing.T) (a, b *os.File) {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var files [2]*os.File
	for i, connect := range []func() (*net.TCPConn, error){
		func() (*net.TCPConn, error) { return net.DialTCP("tcp", nil, listener.Addr().(*net.TCPAddr)) },
		listener.AcceptTCP,
	} {
		conn, err := connect()
		if err != nil {
			t.Fatal(err)
		}
		files[i], err = conn.File()
		conn.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { files[i].Close() })
	}
	return files[0], files[1]
}

// TestHold: the command lives while the other end is open, whatever comes from
// there, and dies when it is closed. Autokill reads nothing.
func TestHold(t *testing.T) {
	needs(t, "sh", "sleep")
	tests := []struct {
		name string
		pair func(t *testing.T) (held, other *os.File)
		data bool // something can be sent to the held one
	}{
		{"pipe, reading end", pipe, true},
		{"pipe, writing end", func(t *testing.T) (held, other *os.File) {
			other, held = pipe(t)
			return held, other
		}, false},
		{"unix stream socket", func(t *testing.T) (held, other *os.File) { return socketPair(t, unix.SOCK_STREAM) }, true},
		{"unix seqpacket socket", func(t *testing.T) (held, other *os.File) { return socketPair(t, unix.SOCK_SEQPACKET) }, true},
		{"tcp", tcpPair, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			held, other := tt.pair(t)
			line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
			cmd := exec.Command("autokill", "run", "--hold", "4", "sh", "-c", "read go; "+lasting)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			launch(t, line, stderr, cmd, held)
			if tt.data {
				if _, err := other.WriteString("data"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := in.Write([]byte("go\n")); err != nil {
				t.Fatal(err)
			}
			read(t, line, "ready\n")
			other.Close()
			line.AllGone(t)
			stderr.AllGone(t)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != 137 {
				t.Errorf("%v, want exit status 137", cmd.ProcessState)
			}
			if tt.data {
				read(t, held, "data")
			}
		})
	}
}

// TestHoldStdin: the command gets /dev/null in place of what is held.
func TestHoldStdin(t *testing.T) {
	needs(t, "sh", "sleep", "cat")
	r, w := pipe(t)
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	cmd := exec.Command("autokill", "run", "--hold", "0", "sh", "-c", "cat; "+lasting)
	cmd.Stdin = r
	launch(t, line, stderr, cmd)
	read(t, line, "ready\n")
	w.Close()
	line.AllGone(t)
	_ = cmd.Wait()
}

func TestHoldRefused(t *testing.T) {
	needs(t, "true")
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, w := pipe(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	datagram, _ := socketPair(t, unix.SOCK_DGRAM)
	over, gone := pipe(t)
	gone.Close()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	listening, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	tests := []struct {
		name  string
		fd    string
		files []*os.File
		want  string
	}{
		{"file", "3", []*os.File{file}, "--hold 3: it cannot hang up"},
		{"datagram socket", "3", []*os.File{datagram}, "--hold 3: it cannot hang up"},
		{"listening socket", "3", []*os.File{listening}, "--hold 3: a listening socket does not hang up"},
		{"FIFO for both", "3", []*os.File{both}, "--hold 3: a FIFO that is open for reading and writing"},
		{"both ends", "3", []*os.File{r, file, w}, "--hold 3: descriptor 5 is the other end"},
		{"closed", "63", nil, "--hold 63: it is not open"},
		{"negative", "-1", nil, `invalid argument "-1" for "--hold" flag: "-1" is not a descriptor, write a number from 0 on: `},
		{"standard error", "2", nil, "--hold 2: the command needs it"},
		{"another if cut to 32 bits", "4294967296", nil, `invalid argument "4294967296" for "--hold" flag: `},
		{"not a number", "x", nil, `invalid argument "x" for "--hold" flag: "x" is not a descriptor, write a number from 0 on: `},
		{"hung up", "3", []*os.File{over}, "--hold 3: it has hung up already, so nothing was done"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("autokill", "run", "--hold", tt.fd, "true")
			cmd.ExtraFiles = tt.files
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != statusFailed || !strings.HasPrefix(string(out), "autokill: "+tt.want) || strings.Count(string(out), "\n") != 1 {
				t.Errorf("%v: %s", cmd.ProcessState, out)
			}
		})
	}
}
