//go:build linux && (amd64 || arm64)

package pidns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

// Explain says what the error of a start means for the namespace. What is no matter of
// the namespace comes back as it is.
func Explain(err error, o Options) error {
	// An errno would be that of a denied call, and not a result that is not wanted.
	step, _ := failedStep(err)
	if step == stepAlive && !errors.As(err, new(unix.Errno)) && errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("somebody has ended the monitor: %w", clone.ErrNotStarted)
	}
	if why := explain(err, o, readSysctl); why != "" {
		return fmt.Errorf("%w: %s: scope tree does without (%w)", err, why, errors.ErrUnsupported)
	}
	return err
}

// readSysctl reads a file of /proc/sys. One that is not there is "".
func readSysctl(name string) string {
	b, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func explain(err error, o Options, sysctl func(string) string) string {
	step, path := failedStep(err)
	is := func(errnos ...error) bool {
		for _, errno := range errnos {
			if errors.Is(err, errno) {
				return true
			}
		}
		return false
	}
	denied := is(unix.EPERM, unix.EACCES)
	switch {
	case step == "clone3", step == stepForkInit, step == stepForkUser:
		return explainFork(o, denied, is(unix.ENOSPC, unix.EUSERS), sysctl)
	case step == "openat" && strings.HasPrefix(path, "/proc/self/") && is(unix.ENOENT):
		return "/proc is not mounted, and the maps of a user namespace are written there"
	case strings.HasPrefix(path, "/proc/self/") && denied:
		if sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1" {
			return "AppArmor takes all power from user namespaces of ordinary users (kernel.apparmor_restrict_unprivileged_userns is 1)"
		}
		return "a security module takes the power from user namespaces, or this program is not dumpable"
	case step == stepPropagation && is(unix.EINVAL):
		return "the root directory is no mount point, as in a chroot, and mounts inside would show outside"
	case step == stepProc && is(unix.EPERM):
		return "a new /proc would show what other mounts hide in this one, as in a container"
	case (step == stepPropagation || step == stepProc) && denied:
		return "a security module or a seccomp filter forbids mounts"
	case step == stepProgram && is(unix.ENOENT):
		// security/tomoyo/domain.c, tomoyo_find_next_domain; later kernels do without.
		return "a security module (TOMOYO) looks for the program in /dev/fd, which is not there, as in a chroot"
	case step == stepProgram && denied:
		return "a program in a memfd may not be executed here"
	case step == stepReady && is(clone.ErrNotStarted):
		return "its init has not come up: a security module may have taken the death signal from it, or killed it"
	}
	return ""
}

func explainFork(o Options, denied, full bool, sysctl func(string) string) string {
	switch {
	case full && o.UserNamespace && sysctl("user/max_user_namespaces") == "0":
		return "there are no user namespaces here (user.max_user_namespaces is 0), and without one this needs CAP_SYS_ADMIN"
	case full:
		return "there are as many namespaces as are allowed (user.max_pid_namespaces, max_mnt_namespaces, max_user_namespaces), or they are nested too deeply"
	case denied && o.UserNamespace && sysctl("kernel/unprivileged_userns_clone") == "0":
		return "ordinary users may not make user namespaces here (kernel.unprivileged_userns_clone is 0), and without one this needs CAP_SYS_ADMIN"
	case denied && o.UserNamespace:
		return "user namespaces are forbidden to this program, by a seccomp filter, a security module or because it is in a chroot, and without one this needs CAP_SYS_ADMIN"
	case denied:
		return "a seccomp filter or a security module forbids namespaces"
	}
	return ""
}

// failedStep names the step that an error is about.
func failedStep(err error) (step, path string) {
	var call *os.SyscallError
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return file.Op, file.Path
	case errors.As(err, &call):
		return call.Syscall, ""
	}
	return "", ""
}
