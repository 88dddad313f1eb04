//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// TestParcelIsArmed takes the pipe ends in hand, which no holder should: each of the four
// must kill the child, or its group.
func TestParcelIsArmed(t *testing.T) {
	for _, scope := range []Scope{ScopeProcess, ScopeTree} {
		t.Run(scope.String(), func(t *testing.T) {
			c, err := Start(sleeper(), Wish{Kind: Tripwire, Scope: scope})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				c.Kill()
				c.Await()
				c.Close()
			}()
			m, err := peekBehind(int(c.Handle.Fd()), descriptionSize, 4)
			if err != nil || len(m.files) != 4 {
				t.Fatalf("files %v, %v", m.files, err)
			}
			defer m.close()
			want := owner{ownerPID, int32(c.Pid)}
			if scope == ScopeTree {
				want.kind = ownerPGRP
			}
			for i, fd := range m.files {
				flags, flagsErr := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
				signal, signalErr := unix.FcntlInt(uintptr(fd), unix.F_GETSIG, 0)
				got, ownerErr := ownerOf(fd)
				if err := errors.Join(flagsErr, signalErr, ownerErr); err != nil {
					t.Fatal(err)
				}
				if flags&unix.O_ASYNC == 0 || signal != int(unix.SIGKILL) || got != want {
					t.Errorf("end %d: flags %#x, signal %d, owner %+v, want %+v", i, flags, signal, got, want)
				}
				if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("end %d would leak into children: %#x, %v", i, flags, err)
				}
			}
		})
	}
}

// owner is struct f_owner_ex.
type owner struct{ kind, pid int32 }

func ownerOf(fd int) (o owner, err error) {
	_, _, errno := unix.Syscall(unix.SYS_FCNTL, uintptr(fd), unix.F_GETOWN_EX, uintptr(unsafe.Pointer(&o)))
	if errno != 0 {
		err = errno
	}
	return o, err
}

// TestStartProves: a start relies on nothing that was not seen to kill.
func TestStartProves(t *testing.T) {
	p := &tripped[ScopeProcess]
	p.mu.Lock()
	p.at = time.Time{}
	p.mu.Unlock()
	c, err := Start(sleeper(), Wish{Kind: Tripwire})
	if err != nil {
		t.Fatal(err)
	}
	c.Kill()
	c.Await()
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at.IsZero() {
		t.Error("a child was started without a proof")
	}
}

const swallowedRole = "swallowed"

// startSwallowed starts a child by a tripwire where a request of fcntl does nothing, with or
// without a proof, and says what comes of it.
func startSwallowed(args []string) int {
	command, err := strconv.Atoi(args[0])
	if err == nil {
		err = swallow(uint32(command))
	}
	if err != nil {
		fmt.Println("no filter:", err)
		return 1
	}
	if args[1] == "proof" {
		_, err = Start(sleeper(), Wish{Kind: Tripwire})
	} else {
		_, err = tripwire{ScopeProcess}.start(sleeper(), false)
	}
	fmt.Println(err)
	return 0
}

// swallow puts a filter on all threads, for ever: the request succeeds without effect.
func swallow(command uint32) error {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		give  = unix.BPF_RET | unix.BPF_K

		offsetNr, offsetArg1 = 0, 16 + 8 // struct seccomp_data
	)
	filter := []unix.SockFilter{
		{Code: load, K: offsetNr},
		{Code: equal, K: unix.SYS_FCNTL, Jf: 3},
		{Code: load, K: offsetArg1},
		{Code: equal, K: command, Jf: 1},
		{Code: give, K: unix.SECCOMP_RET_ERRNO}, // errno 0
		{Code: give, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// TestSwallowed: a sandbox that accepts a request and does nothing is found out.
func TestSwallowed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		command int
		proof   string
		want    string
		slow    bool // a proof waits for a death that does not come
	}{
		{"by the child itself", unix.F_SETFL, "no proof", "fcntl(F_GETFL)", false},
		{"by a proof", unix.F_SETOWN_EX, "proof", "a sandbox swallows it", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.slow && testing.Short() {
				t.Skip("takes five seconds: without -short")
			}
			out, err := testproc.Command(swallowedRole, strconv.Itoa(tt.command), tt.proof).Output()
			if err != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%q, %v; want %q", out, err, tt.want)
			}
		})
	}
}

// TestNativeWithoutBit: a child whose pidfd does not kill is refused, and gone.
func TestNativeWithoutBit(t *testing.T) {
	line := testproc.NewLifeline(t)
	r := sleeper()
	r.Files[1] = int(line.End().Fd())
	_, handle, err := cloneBound(r)
	if !errors.Is(err, errors.ErrUnsupported) || handle != nil {
		t.Errorf("%v, %v", handle, err)
	}
	line.AllGone(t)
	testproc.ReapAll()
}
