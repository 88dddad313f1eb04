//go:build linux && (amd64 || arm64)

package bond

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// becomeRole binds itself to the other end of its descriptor 3, and execs a shell. It waits
// for a line before each of the two, and says what came of it.
const becomeRole = "become"

func playBecome(args []string) int {
	scope := ScopeProcess
	if args[0] == ScopeTree.String() {
		scope = ScopeTree
	}
	in := bufio.NewReader(os.Stdin)
	_, _ = in.ReadString('\n')
	unix.CloseOnExec(3)
	if err := Become(3, scope, []int{0, 1, 2, 4}); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("bound")
	_, _ = in.ReadString('\n')
	err := syscall.Exec("/bin/sh", []string{"sh", "-c", "sleep 1000 & echo runs; exec sleep 1000"}, os.Environ())
	fmt.Println(err)
	return 1
}

// becoming is such a process, and the end that is to become its handle.
type becoming struct {
	*exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	handle *os.File
}

func startBecoming(t *testing.T, s Scope, change func(b *becoming)) *becoming {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	give := os.NewFile(uintptr(pair[1]), "socket")
	defer give.Close()
	b := &becoming{Cmd: testproc.Command(becomeRole, s.String()), handle: os.NewFile(uintptr(pair[0]), "handle")}
	t.Cleanup(func() { b.handle.Close() })
	if err := unix.SetsockoptInt(b.fd(), unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	b.ExtraFiles = []*os.File{give}
	b.SysProcAttr = &syscall.SysProcAttr{}
	if change != nil {
		change(b)
	}
	if b.in, err = b.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := b.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.out = bufio.NewReader(out)
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.Process.Kill()
		_ = b.Wait()
	})
	return b
}

func (b *becoming) fd() int { return int(b.handle.Fd()) }

func (b *becoming) goOn(t *testing.T) {
	t.Helper()
	if _, err := b.in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
}

// says reads the next line, which must have this in it.
func (b *becoming) says(t *testing.T, want string) {
	t.Helper()
	line, err := b.out.ReadString('\n')
	if err != nil || !strings.Contains(line, want) {
		t.Fatalf("it says %q, %v; want %q", line, err, want)
	}
}

// killed waits until everybody who has the standard output is gone: nobody says anything
// more, and the process itself was killed.
func (b *becoming) killed(t *testing.T) {
	t.Helper()
	rest, err := io.ReadAll(b.out)
	if len(rest) > 0 || err != nil {
		t.Errorf("then it says %q, %v", rest, err)
	}
	_ = b.Wait()
	if status, ok := b.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", b.ProcessState)
	}
}

// TestBecome: the parcel is as that of a start, with the sender attested, and closing the
// handle kills.
func TestBecome(t *testing.T) {
	for _, scope := range []Scope{ScopeProcess, ScopeTree} {
		t.Run(scope.String(), func(t *testing.T) {
			b := startBecoming(t, scope, nil)
			b.goOn(t)
			b.says(t, "bound")

			// What docs/any-language.md tells a holder to ask.
			if n, err := unix.IoctlGetInt(b.fd(), unix.TIOCINQ); err != nil || n != 16+12 {
				t.Errorf("FIONREAD: %d, %v", n, err)
			}
			hungUp := []unix.PollFd{{Fd: int32(b.fd())}}
			if n, err := unix.Poll(hungUp, 0); n != 0 || err != nil {
				t.Errorf("it has hung up before its exec: %+v, %v", hungUp, err)
			}
			b.goOn(t)
			b.says(t, "runs")
			if n, err := unix.Poll(hungUp, 0); n != 1 || err != nil || hungUp[0].Revents&unix.POLLHUP == 0 {
				t.Errorf("it has not hung up after its exec: %+v, %v", hungUp, err)
			}
			b.checkDescription(t, scope)
			if status := b.status(t); !strings.Contains(status, "NoNewPrivs:\t1\n") {
				t.Errorf("it can gain a uid by an exec:\n%s", status)
			}

			if scope == ScopeProcess {
				// What it has started is not bound, and keeps the standard output open.
				for _, child := range testproc.Children(b.Process.Pid) {
					defer func() { _ = unix.Kill(child.PID, unix.SIGKILL) }()
				}
				if err := b.handle.Close(); err != nil {
					t.Fatal(err)
				}
				state, err := b.Process.Wait()
				if err != nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Errorf("it ended with %v, %v", state, err)
				}
				return
			}
			if err := b.handle.Close(); err != nil {
				t.Fatal(err)
			}
			b.killed(t)
		})
	}
}

// status is what /proc tells of it.
func (b *becoming) status(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("%s/%d/status", testproc.Proc(), b.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b *becoming) checkDescription(t *testing.T, s Scope) {
	t.Helper()
	payload, control := make([]byte, 64), make([]byte, 256)
	n, cn, flags, _, err := unix.Recvmsg(b.fd(), payload, control, unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil || flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0 {
		t.Fatalf("flags %#x, %v", flags, err)
	}
	want := newParcel(s)
	description := binary.NativeEndian.AppendUint32(slices.Clone(want.header[:]), uint32(b.Process.Pid))
	if !slices.Equal(payload[:n], description) {
		t.Errorf("description %q, want %q", payload[:n], description)
	}
	messages, err := unix.ParseSocketControlMessage(control[:cn])
	if err != nil || len(messages) != 2 {
		t.Fatalf("%d control messages, %v", len(messages), err)
	}
	for _, m := range messages {
		if cred, err := unix.ParseUnixCredentials(&m); err == nil {
			if want := (unix.Ucred{Pid: int32(b.Process.Pid), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}); *cred != want {
				t.Errorf("attested %+v, want %+v", *cred, want)
			}
			continue
		}
		fds, err := unix.ParseUnixRights(&m)
		if err != nil || len(fds) != 1 {
			t.Fatalf("descriptors %v, %v", fds, err)
		}
		if err := unix.PidfdSendSignal(fds[0], 0, nil, 0); err != nil {
			t.Errorf("the descriptor is no pidfd of the living process: %v", err)
		}
		_ = unix.Close(fds[0])
	}
}

// TestBecomeDropsSetuid: an ordinary user's process that has CAP_SETUID could become somebody
// whom the signal does not reach.
func TestBecomeDropsSetuid(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a user with capabilities")
	}
	b := startBecoming(t, ScopeTree, func(b *becoming) {
		b.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		b.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SETUID, unix.CAP_NET_RAW}
	})
	b.goOn(t)
	b.says(t, "bound")
	b.goOn(t)
	b.says(t, "runs")
	status := b.status(t)
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
		if want := fmt.Sprintf("%s:\t%016x\n", set, 1<<unix.CAP_NET_RAW); !strings.Contains(status, want) {
			t.Errorf("want %q in\n%s", want, status)
		}
	}
	if err := b.handle.Close(); err != nil {
		t.Fatal(err)
	}
	b.killed(t)
}

// TestHolderEndsBeforeTheExec: the copies of who becomes are the last ones then, and the
// exec closes them.
func TestHolderEndsBeforeTheExec(t *testing.T) {
	for _, scope := range []Scope{ScopeProcess, ScopeTree} {
		t.Run(scope.String(), func(t *testing.T) {
			b := startBecoming(t, scope, nil)
			b.goOn(t)
			b.says(t, "bound")
			if err := b.handle.Close(); err != nil {
				t.Fatal(err)
			}
			b.goOn(t)
			b.killed(t)
		})
	}
}

func TestBecomeRefused(t *testing.T) {
	t.Run("the holder is gone", func(t *testing.T) {
		b := startBecoming(t, ScopeProcess, nil)
		if err := b.handle.Close(); err != nil {
			t.Fatal(err)
		}
		b.goOn(t)
		b.says(t, "the other end is closed already")
	})
	t.Run("it would hold itself", func(t *testing.T) {
		b := startBecoming(t, ScopeProcess, func(b *becoming) {
			b.ExtraFiles = append(b.ExtraFiles, b.handle)
		})
		b.goOn(t)
		b.says(t, "descriptor 4 is the other end")
	})
	t.Run("used before", func(t *testing.T) {
		b := startBecoming(t, ScopeProcess, func(b *becoming) {
			if _, err := b.ExtraFiles[0].Write([]byte("anything")); err != nil {
				t.Fatal(err)
			}
		})
		b.goOn(t)
		b.says(t, "something was sent through it already")
	})
	t.Run("in a group with others", func(t *testing.T) {
		b := startBecoming(t, ScopeTree, func(b *becoming) { b.SysProcAttr.Setpgid = true })
		other := exec.Command("sleep", "1000")
		other.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: b.Process.Pid}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = other.Process.Kill()
			_ = other.Wait()
		}()
		b.goOn(t)
		b.says(t, fmt.Sprintf("process %d is in the process group", other.Process.Pid))
	})
	t.Run("an init", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs root, to make a PID namespace")
		}
		b := startBecoming(t, ScopeProcess, func(b *becoming) { b.SysProcAttr.Cloneflags = unix.CLONE_NEWPID })
		b.goOn(t)
		b.says(t, "this program is the init of a PID namespace")
	})
	t.Run("a scope of its own", func(t *testing.T) {
		if err := Become(0, ScopePIDNamespace, nil); !errors.Is(err, unix.EINVAL) {
			t.Errorf("got %v", err)
		}
	})
}

// TestEndpoint: what descriptors are found to be, and which of them are refused.
func TestEndpoint(t *testing.T) {
	pair := func(kind int) int {
		fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = unix.Close(fds[0])
			_ = unix.Close(fds[1])
		})
		return fds[0]
	}
	socket := func(domain, kind int) int {
		fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		return fd
	}
	listening := socket(unix.AF_UNIX, unix.SOCK_SEQPACKET)
	// An address that the kernel chooses (unix(7), autobind).
	if err := errors.Join(unix.Bind(listening, &unix.SockaddrUnix{}), unix.Listen(listening, 1)); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, tt := range []struct {
		name string
		fd   int
		says string // empty: not refused
	}{
		{"one of a pair", pair(unix.SOCK_SEQPACKET), ""},
		{"a stream", pair(unix.SOCK_STREAM), "no end of socketpair"},
		{"datagrams", pair(unix.SOCK_DGRAM), "no end of socketpair"},
		{"TCP", socket(unix.AF_INET, unix.SOCK_STREAM), "no end of socketpair"},
		{"not connected", socket(unix.AF_UNIX, unix.SOCK_SEQPACKET), "not connected"},
		{"listening", listening, "not connected"},
		{"a pipe", int(r.Fd()), "no end of socketpair"},
		{"nothing", 1 << 20, "not open"},
		{"no number", -1, "not open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := inspect(tt.fd).refusal()
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}
