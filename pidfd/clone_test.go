//go:build linux && (amd64 || arm64)

package pidfd

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

const handleFlags = ClonePIDFD | ClonePIDFDAutokill | CloneAutoreap

// A row for every rule, with the reason the user sees.
func TestCloneCheck(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags CloneFlags
		sig   syscall.Signal
		admin bool
		want  error
	}{
		{"nothing", 0, 0, false, nil},
		{"fork", 0, syscall.SIGCHLD, false, nil},
		{"pidfd", ClonePIDFD, syscall.SIGCHLD, false, nil},
		{"the bond", handleFlags | CloneNNP, 0, false, nil},
		{"the bond of a PID namespace", handleFlags | CloneNNP | CloneNewUser | CloneNewPID, 0, false, nil},
		{"privileged bond", handleFlags, 0, true, nil},
		{"bond without no_new_privs", handleFlags, 0, false, syscall.EPERM},
		{"a new user namespace does not help", handleFlags | CloneNewUser, 0, false, syscall.EPERM},
		{"bond without handle", handleFlags &^ ClonePIDFD, 0, true, syscall.EINVAL},
		{"bond without autoreap", handleFlags &^ CloneAutoreap, 0, true, syscall.EINVAL},
		{"bond with exit signal", handleFlags | CloneNNP, syscall.SIGCHLD, true, syscall.EINVAL},
		{"bond of a thread", handleFlags | CloneThread | CloneSighand | CloneVM, 0, true, syscall.EINVAL},
		{"bond of a sibling", handleFlags | CloneParent, 0, true, syscall.EINVAL},
		{"EINVAL before EPERM", handleFlags | CloneParent, 0, false, syscall.EINVAL},
		{"shared table", CloneFiles, syscall.SIGCHLD, true, syscall.EINVAL},
		{"shared table before EPERM", handleFlags | CloneFiles, 0, false, syscall.EINVAL},
		{"autoreap alone", CloneAutoreap, 0, false, nil},
		{"autoreap with exit signal", CloneAutoreap, syscall.SIGUSR1, false, syscall.EINVAL},
		{"no_new_privs alone", CloneNNP, syscall.SIGCHLD, false, nil},
		{"no_new_privs of a thread", CloneNNP | CloneThread | CloneSighand | CloneVM, 0, false, syscall.EINVAL},
		{"unknown", 1 << 63, 0, true, syscall.EINVAL},
		{"detached", 0x00400000, 0, true, syscall.EINVAL},
		{"exit signal among the flags", CloneFlags(syscall.SIGCHLD), 0, true, syscall.EINVAL},
		{"shared and reset handlers", CloneVM | CloneSighand | CloneClearSighand, 0, true, syscall.EINVAL},
		{"handlers without memory", CloneSighand, 0, true, syscall.EINVAL},
		{"thread without handlers", CloneThread | CloneVM, 0, true, syscall.EINVAL},
		{"thread in a PID namespace", CloneThread | CloneSighand | CloneVM | CloneNewPID, 0, true, syscall.EINVAL},
		{"sibling with exit signal", CloneParent, syscall.SIGCHLD, true, syscall.EINVAL},
		{"sibling", CloneParent, 0, true, nil},
		{"shared root in a mount namespace", CloneNewNS | CloneFS, 0, true, syscall.EINVAL},
		{"shared root in an empty one", CloneEmptyMntNS | CloneFS, 0, true, syscall.EINVAL},
		{"shared root in a user namespace", CloneNewUser | CloneFS, 0, true, syscall.EINVAL},
		{"last signal", 0, maxSignal, true, nil},
		{"no such signal", 0, maxSignal + 1, true, syscall.EINVAL},
		{"negative signal", 0, -1, true, syscall.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.flags.check(test.sig, test.admin)
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantErr(t, err, test.want)
			if errors.Is(err, syscall.EINVAL) && errors.Is(err, syscall.EPERM) {
				t.Errorf("%v is both", err)
			}
		})
	}
}

// verdict is the rules once more, written as what has to hold instead of what
// is refused, without an order.
func verdict(f CloneFlags, sig syscall.Signal, admin bool) error {
	implies := func(a, b bool) bool { return !a || b }
	any := func(of CloneFlags) bool { return f&of != 0 }
	thread, process := any(CloneThread), !any(CloneThread)
	valid := implies(thread, any(CloneSighand) && sig == 0 && !any(CloneNewUser|CloneNewPID)) &&
		implies(any(CloneSighand), any(CloneVM) && !any(CloneClearSighand)) &&
		implies(any(CloneParent), sig == 0) &&
		implies(any(CloneFS), !any(CloneNewNS|CloneNewUser|CloneEmptyMntNS)) &&
		implies(any(CloneAutoreap), process && !any(CloneParent) && sig == 0) &&
		implies(any(CloneNNP), process) &&
		implies(any(ClonePIDFDAutokill), any(ClonePIDFD) && any(CloneAutoreap)) &&
		!any(CloneFiles)
	switch {
	case !valid:
		return syscall.EINVAL
	case any(ClonePIDFDAutokill) && !any(CloneNNP) && !admin:
		return syscall.EPERM
	}
	return nil
}

// subsets calls f with every subset of the flags.
func subsets(flags []CloneFlags, f func(CloneFlags)) {
	for bits := range 1 << len(flags) {
		var set CloneFlags
		for i, flag := range flags {
			if bits&(1<<i) != 0 {
				set |= flag
			}
		}
		f(set)
	}
}

func TestCloneCheckLattice(t *testing.T) {
	count := map[error]int{}
	subsets([]CloneFlags{
		ClonePIDFD, CloneAutoreap, CloneNNP, ClonePIDFDAutokill, CloneThread, CloneParent, CloneFiles,
		CloneSighand, CloneClearSighand, CloneVM, CloneFS, CloneNewNS, CloneNewUser, CloneNewPID, CloneEmptyMntNS,
	}, func(f CloneFlags) {
		for _, sig := range []syscall.Signal{0, syscall.SIGCHLD} {
			for _, admin := range []bool{false, true} {
				want, have := verdict(f, sig, admin), f.check(sig, admin)
				count[want]++
				if !errors.Is(have, want) {
					t.Fatalf("%v, exit signal %d, CAP_SYS_ADMIN %v: have %v, want %v", f, sig, admin, have, want)
				}
			}
		}
	})
	t.Logf("verdicts: %v", count)
	for _, verdict := range []error{nil, syscall.EINVAL, syscall.EPERM} {
		if count[verdict] == 0 {
			t.Errorf("no combination is %v", verdict)
		}
	}
}

// tryClone3 asks the kernel for a clone that passes the rules and fails right
// after: the pidfd cannot be written, and the cgroup does not exist.
func tryClone3(f CloneFlags, sig syscall.Signal) syscall.Errno {
	args := cloneArgs{
		flags:      uint64(f | CloneIntoCgroup),
		pidfd:      1,
		exitSignal: uint64(sig),
		cgroup:     1<<31 - 1,
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	return errno
}

// The kernel itself is the judge of the rules it knows.
func TestCloneCheckKernel(t *testing.T) {
	if os.Getpid() == 1 {
		t.Skip("needs a process that is not the init: an init may not use CLONE_PARENT")
	}
	if _, err := os.Stat("/proc/self/cgroup"); err != nil {
		t.Skipf("needs cgroups, to fail on: %v", err)
	}
	switch errno := tryClone3(ClonePIDFD, 0); errno {
	case syscall.EFAULT:
	case syscall.ENOSYS, syscall.EPERM:
		t.Skipf("needs clone3, which a seccomp filter forbids: %v", errno)
	default:
		t.Fatalf("a clone that cannot succeed: %v", errno)
	}
	flags := []CloneFlags{ClonePIDFD, CloneThread, CloneParent, CloneSighand, CloneClearSighand, CloneVM, CloneFS}
	if testproc.KernelAtLeast(7, 1) {
		flags = append(flags, CloneAutoreap, CloneNNP, ClonePIDFDAutokill)
	}
	for _, flag := range []CloneFlags{CloneAutoreap, CloneNNP, CloneEmptyMntNS} {
		if known := tryClone3(ClonePIDFD|flag, 0) != syscall.EINVAL; known != testproc.KernelAtLeast(7, 1) {
			t.Errorf("the docs claim %v since 7.1, the kernel knows it: %v", flag, known)
		}
	}
	admin, asked := must[bool](t)(sysAdmin()), 0
	subsets(flags, func(f CloneFlags) {
		// Before 6.9 there are no pidfds of threads.
		if f&(ClonePIDFD|CloneThread) == ClonePIDFD|CloneThread && !testproc.KernelAtLeast(6, 9) {
			return
		}
		for _, sig := range []syscall.Signal{0, syscall.SIGCHLD} {
			asked++
			want := f.check(sig, admin)
			have := tryClone3(f, sig)
			passed := have == syscall.EFAULT || have == syscall.EBADF
			if want == nil != passed || want != nil && !errors.Is(want, have) {
				t.Fatalf("%v, exit signal %d: the kernel says %v, we say %v", f, sig, have, want)
			}
		}
	})
	t.Logf("asked the kernel about %d combinations, CAP_SYS_ADMIN %v", asked, admin)
}
