//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// takeFromSibling takes every descriptor of a sibling.
func takeFromSibling(b besieger) (string, error) {
	pidfd, err := unix.PidfdOpen(b.victim, 0)
	if err != nil {
		return cannot("pidfd_open: " + answer(err)) // another PID namespace
	}
	taken := 0
	for fd := range 64 {
		_, err := unix.PidfdGetfd(pidfd, fd, 0)
		switch {
		case err == nil:
			taken++
		case !errors.Is(err, unix.EBADF):
			return cannot("pidfd_getfd: " + answer(err)) // Yama, or a sandbox
		}
	}
	return fmt.Sprintf("%d taken", taken), nil
}

// enterAll moves into every namespace that can be entered.
func enterAll(besieger) (string, error) {
	runtime.LockOSThread()
	entered := 0
	for _, pid := range []int{os.Getppid(), 1} {
		names, err := filepath.Glob(fmt.Sprintf("%s/%d/ns/*", testproc.Proc(), pid))
		if err != nil {
			return "", err
		}
		for _, name := range names {
			fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				continue
			}
			if unix.Setns(fd, 0) == nil {
				entered++
			}
			_ = unix.Close(fd)
		}
	}
	return fmt.Sprintf("%d entered", entered), nil
}

// unshareAll leaves all that this thread shares. The user namespace needs a process with one
// thread: the families have it.
func unshareAll(besieger) (string, error) {
	runtime.LockOSThread()
	left := 0
	all := []int{
		unix.CLONE_FILES, unix.CLONE_FS, unix.CLONE_SYSVSEM, unix.CLONE_NEWNS, unix.CLONE_NEWPID,
		unix.CLONE_NEWNET, unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWCGROUP, unix.CLONE_NEWTIME,
	}
	for _, flag := range all {
		if unix.Unshare(flag) == nil {
			left++
		}
	}
	return fmt.Sprintf("%d of %d left", left, len(all)), nil
}

// flood queues signals until the kernel takes no more. The limit is per user, so this leaves
// room for others.
func flood(besieger) (string, error) {
	runtime.LockOSThread()
	all := unix.Sigset_t{}
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	const limit, realTime = 1000, 40
	if err := errors.Join(
		unix.PthreadSigmask(unix.SIG_SETMASK, &all, nil),
		unix.Setrlimit(unix.RLIMIT_SIGPENDING, &unix.Rlimit{Cur: limit, Max: limit}),
	); err != nil {
		return "", err
	}
	info := struct {
		signo, errno, code int32
		_                  [116]byte
	}{signo: realTime, code: -1} // SI_QUEUE
	for range limit + 1 {
		_, _, errno := unix.Syscall6(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(os.Getpid()), uintptr(unix.Gettid()), realTime, uintptr(unsafe.Pointer(&info)), 0, 0)
		if errno != 0 {
			return "full: " + answer(errno), nil
		}
	}
	return "", errors.New("the queue has no limit")
}

// becomeSomebody must not be possible where it would take the child out of reach.
func becomeSomebody(b besieger) (string, error) {
	if os.Geteuid() == somebody {
		return cannot("it is that user") // and was it all the time
	}
	may := os.Geteuid() == 0 && hasUser(somebody) && reaches(b.subject)
	err := syscall.Setresuid(somebody, somebody, somebody)
	if may != (err == nil) {
		return "", fmt.Errorf("setresuid: %s", answer(err))
	}
	return answer(err), nil
}

// execSetUserID execs a shell with the bit, which says who it is then.
func execSetUserID(besieger) (string, error) {
	shell := filepath.Join(os.Getenv(toolsEnv), setUserIDShell)
	if _, err := os.Stat(shell); err != nil {
		return cannot("needs root to make such a file")
	}
	return "", unix.Exec(shell, []string{"sh", "-c", `echo "+ euid $(id -u)"; exec sleep 1000`}, os.Environ())
}

// dumpCore dies of a signal with much to write.
func dumpCore(besieger) (string, error) {
	const size = 32 << 20
	if err := os.Chdir(os.Getenv(toolsEnv)); err != nil {
		return "", err
	}
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return "", err
	}
	for i := 0; i < size; i += 4096 {
		memory[i] = 1
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return "", err
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return "", err
	}
	fmt.Println(inForce)
	// Go would catch it, and say much.
	type sigaction [4]uint64
	var byDefault sigaction
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGQUIT), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
	_ = unix.Kill(os.Getpid(), unix.SIGQUIT)
	sit()
	return "", nil
}

// fillPids uses up all pids of a cgroup, which threads and zombies count in. No program with a
// runtime is safe there, so that another takes its place.
//
//go:norace
func fillPids(besieger) (string, error) {
	dir := os.Getenv(pidsGroupEnv)
	if dir == "" {
		return cannot(needsCgroup("pids"))
	}
	if err := joinCgroup(dir); err != nil {
		return "", err
	}
	runtime.LockOSThread()
	for n := 0; ; n++ {
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_VFORK|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			fmt.Printf("%s%s after %d\n", inForce, answer(errno), n)
			return "", unix.Exec("/bin/sleep", []string{"sleep", "1000"}, nil)
		}
		if pid == 0 {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
}
