//go:build linux && (amd64 || arm64)

package fault

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestErrnos: each call is one of this architecture, and each errno has a name and is there
// once.
func TestErrnos(t *testing.T) {
	elsewhere := []string{"poll", "newfstatat"} // of amd64, or another name on arm64
	for call := range errnos {
		name, request, hasRequest := strings.Cut(strings.TrimSuffix(call, ")"), "(")
		if _, there := table.SyscallNames[name]; !there && !slices.Contains(elsewhere, name) {
			t.Errorf("there is no call %s", name)
		}
		if hasRequest && !knows(name, request) {
			t.Errorf("%s is a request that no call is named after", call)
		}
		all := Errnos(call)
		if slices.Contains(infallible, name) != (len(all) == 0) {
			t.Errorf("%s has %d errnos", call, len(all))
		}
		for i, errno := range all {
			if unix.ErrnoName(errno) == "" {
				t.Errorf("%s: errno %d has no name", call, errno)
			}
			if slices.Contains(all[:i], errno) {
				t.Errorf("%s has %s twice", call, unix.ErrnoName(errno))
			}
		}
	}
}

func knows(call, request string) bool {
	if call+"("+request+")" == Arm {
		return true
	}
	for _, known := range requests[call].names {
		if known == request {
			return true
		}
	}
	return false
}

// TestName: a call that does many things is named after what it does.
func TestName(t *testing.T) {
	for _, tt := range []struct {
		call string
		args [6]uint64
		want string
	}{
		{"pipe2", [6]uint64{1, 2}, "pipe2"},
		{"fcntl", [6]uint64{3, unix.F_SETSIG, 9}, "fcntl(F_SETSIG)"},
		{"fcntl", [6]uint64{3, unix.F_SETFL, unix.O_ASYNC}, Arm},
		{"fcntl", [6]uint64{3, unix.F_SETFL, unix.O_NONBLOCK}, "fcntl(F_SETFL)"},
		{"fcntl", [6]uint64{3, 99999}, "fcntl(0x1869f)"},
		{"prctl", [6]uint64{unix.PR_SET_PDEATHSIG}, "prctl(PR_SET_PDEATHSIG)"},
		{"rt_sigprocmask", [6]uint64{unix.SIG_SETMASK, 1, 2}, "rt_sigprocmask"},
		{"rt_sigprocmask", [6]uint64{unix.SIG_SETMASK, 1, 0}, Restore},
	} {
		if got := name(int32(table.SyscallNames[tt.call]), tt.args); got != tt.want {
			t.Errorf("%s%v is %q, want %q", tt.call, tt.args, got, tt.want)
		}
	}
}
