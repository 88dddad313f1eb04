//go:build linux

package testproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A place is where a test process is that cannot do or see everything. It is named by a
// list of what makes it one, separated by commas:
//
//	clone3=ENOSYS       a system call is denied, or one kind of it (see deny.go)
//	docker              Docker's default seccomp profile and capabilities
//	own /proc           the /proc of this PID namespace
//	no /proc            /proc is empty; what the tests need of it is elsewhere
//	/dev/shm read-only
//	no /dev/shm
//	under an init       as a child of a shell, which in a new PID namespace is pid 1
//	user 65534          that user, without capabilities
//
// What mounts something wants a mount namespace of its own (SysProcAttr.Cloneflags).

const underInit = "under an init"

const (
	placeEnv = "AUTOKILL_TEST_PLACE"
	enterEnv = "AUTOKILL_TEST_ENTER"
	procEnv  = "AUTOKILL_TEST_PROC"
)

// Denying is the environment of a process that goes to a place before it does anything.
func Denying(env []string, place string) []string {
	return append(env, placeEnv+"="+place, enterEnv+"=1")
}

// Denied is the place where this process is, or nothing.
func Denied() string { return os.Getenv(placeEnv) }

// Uninhabitable says why this binary cannot run at a place at all, or nothing.
func Uninhabitable(place string) string {
	if withCgo && strings.Contains(place, "clone3=EPERM") {
		return "a program with cgo aborts at its first thread where clone3 answers EPERM: glibc knows a way out for ENOSYS only. The run without the race detector goes there"
	}
	return ""
}

// Proc is where the tests have their /proc. A process that has one all the same (scope
// pidns mounts one) uses it.
func Proc() string {
	if dir := os.Getenv(procEnv); dir != "" {
		if _, err := os.Lstat("/proc/self"); err != nil {
			return dir
		}
	}
	return "/proc"
}

// Exe is this binary. The path by /proc works for a user too who may not search
// the directory that it is in, which go test makes for one user only.
var Exe = filepath.Join(Proc(), "self/exe")

// enter goes to the place and executes this binary anew: filters, ids and capabilities
// are a thread's, and an exec makes the thread that does it the only one.
func enter(place string) error {
	runtime.LockOSThread()
	var rules []string
	var last []func() error
	mounted := false
	items := strings.Split(place, ",")
	for _, item := range items {
		change, isMount := mounts[item]
		user, isUser := strings.CutPrefix(item, "user ")
		var err error
		switch {
		case isMount:
			if !mounted {
				// Without this the host would see what is mounted here.
				err = unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
				mounted = true
			}
			if err == nil {
				err = change()
			}
		case item == "docker":
			if err = loadDocker(); err == nil {
				last = append(last, dockerCapabilities)
			}
		case item == underInit:
		case isUser:
			last = append(last, func() error { return becomeUser(user) })
		default:
			rules = append(rules, item)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", item, err)
		}
	}
	if len(rules) > 0 {
		if err := deny(rules); err != nil {
			return err
		}
	}
	for _, become := range last {
		if err := become(); err != nil {
			return err
		}
	}
	self := filepath.Join(Proc(), "self/exe")
	if !slices.Contains(items, underInit) {
		return execve(self, append([]string{self}, os.Args[1:]...))
	}
	// Nobody but us may be able to search the directory that this binary is in, so the
	// shell gets it as a descriptor.
	fd, err := unix.Open(self, unix.O_PATH, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: self, Err: err}
	}
	binary := fmt.Sprintf("%s/self/fd/%d", Proc(), fd)
	return execve("/bin/sh", append([]string{"sh", "-c", `"$@"; exit $?`, "sh", binary}, os.Args[1:]...))
}

func execve(path string, args []string) error {
	return &os.PathError{Op: "execve", Path: path, Err: unix.Exec(path, args, os.Environ())}
}

// aside is where things are put that the place hides.
const aside = "/tmp"

var mounts = map[string]func() error{
	"own /proc": func() error { return unix.Mount("proc", "/proc", "proc", 0, "") },
	"no /proc": func() error {
		if err := cover(aside, 0); err != nil {
			return err
		}
		dir := filepath.Join(aside, "proc")
		if err := errors.Join(
			os.Mkdir(dir, 0o755),
			unix.Mount("/proc", dir, "", unix.MS_BIND|unix.MS_REC, ""),
			cover("/proc", 0),
			os.Setenv(procEnv, dir),
		); err != nil {
			return err
		}
		return nil
	},
	"/dev/shm read-only": func() error { return cover("/dev/shm", unix.MS_RDONLY) },
	"no /dev/shm": func() error {
		if err := cover(aside, 0); err != nil {
			return err
		}
		dir := filepath.Join(aside, "dev")
		err := errors.Join(os.Mkdir(dir, 0o755), unix.Mount("/dev", dir, "", unix.MS_BIND|unix.MS_REC, ""), cover("/dev", 0))
		for _, name := range []string{"null", "zero", "tty", "ptmx", "urandom"} {
			err = errors.Join(err, os.WriteFile("/dev/"+name, nil, 0o600), unix.Mount(filepath.Join(dir, name), "/dev/"+name, "", unix.MS_BIND, ""))
		}
		return err
	},
}

// cover puts an empty file system over a directory.
func cover(dir string, flags uintptr) error {
	return os.NewSyscallError("mount", unix.Mount("tmpfs", dir, "tmpfs", flags, "mode=1777"))
}

func becomeUser(id string) error {
	n, err := strconv.Atoi(id)
	if err != nil {
		return err
	}
	// The raw calls: they are for this thread alone.
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, 0, 0, 0},
		{unix.SYS_SETRESGID, uintptr(n), uintptr(n), uintptr(n)},
		{unix.SYS_SETRESUID, uintptr(n), uintptr(n), uintptr(n)},
	} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return fmt.Errorf("become user %d: %w", n, errno)
		}
	}
	return nil
}
