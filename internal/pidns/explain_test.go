//go:build linux && (amd64 || arm64)

package pidns

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

func TestExplainKilledMonitor(t *testing.T) {
	err := Explain(os.NewSyscallError(stepAlive, errors.ErrUnsupported), Options{})
	if !errors.Is(err, clone.ErrNotStarted) || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestExplain(t *testing.T) {
	call := os.NewSyscallError
	path := func(op, path string, err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }
	user := Options{UserNamespace: true}
	tests := []struct {
		name    string
		err     error
		options Options
		sysctls map[string]string
		says    string // nothing: no matter of the namespace
	}{
		{"none allowed", call("clone3", unix.ENOSPC), user, map[string]string{"user/max_user_namespaces": "0"}, "max_user_namespaces is 0"},
		{"too many", call("clone3", unix.ENOSPC), user, nil, "as many namespaces as are allowed"},
		{"too many for root", call(stepForkInit, unix.ENOSPC), Options{}, nil, "as many namespaces as are allowed"},
		{
			"Debian's switch",
			call(stepForkUser, unix.EPERM),
			user,
			map[string]string{"kernel/unprivileged_userns_clone": "0"},
			"unprivileged_userns_clone is 0",
		},
		{"a filter or a chroot", call(stepForkUser, unix.EPERM), user, nil, "user namespaces are forbidden"},
		{"a filter for root", call(stepForkInit, unix.EPERM), Options{}, nil, "forbids namespaces"},
		{
			"AppArmor",
			path("write", "/proc/self/uid_map", unix.EPERM),
			user,
			map[string]string{"kernel/apparmor_restrict_unprivileged_userns": "1"},
			"AppArmor takes all power",
		},
		{"no /proc", path("openat", "/proc/self/setgroups", unix.ENOENT), user, nil, "/proc is not mounted"},
		{"maps", path("openat", "/proc/self/uid_map", unix.EACCES), user, nil, "not dumpable"},
		{"a chroot", path(stepPropagation, "/", unix.EINVAL), Options{}, nil, "no mount point"},
		{"a container", path(stepProc, "/proc", unix.EPERM), user, nil, "other mounts hide"},
		{"no mounts", path(stepPropagation, "/", unix.EACCES), user, nil, "forbids mounts"},
		{"no memfd", call(stepProgram, unix.EACCES), Options{}, nil, "memfd may not be executed"},
		{"no /dev/fd", call(stepProgram, unix.ENOENT), Options{}, nil, "/dev/fd"},
		{"the init does not come", call(stepReady, clone.ErrNotStarted), Options{}, nil, "has not come up"},

		{"no processes", call("clone3", unix.EAGAIN), user, nil, ""},
		{"no program", path("execve", "/proc/self/exe", unix.ENOENT), Options{}, nil, ""},
		{"the command's own mistake", path("chdir", "/root", unix.EACCES), user, nil, ""},
		{"no step", errors.New("else"), user, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := explain(tt.err, tt.options, func(name string) string { return tt.sysctls[name] })
			if (got == "") != (tt.says == "") || !strings.Contains(got, tt.says) {
				t.Errorf("got %q, want %q", got, tt.says)
			}
			if err := Explain(tt.err, tt.options); !errors.Is(err, tt.err) || errors.Is(err, errors.ErrUnsupported) != (got != "") {
				t.Errorf("the whole error is %v", err)
			}
		})
	}
}
