package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// child is the siginfo_t that waitid(2) fills in.
type child struct {
	_, _, _, _ int32
	pid, _     int32
	status     int32
	_          [100]byte
}

// waitid tells about one child for which that can be done without waiting. The pid is 0
// if there is none.
func waitid(kind, id, options int) (c child) {
	for {
		err := unix.Waitid(kind, id, (*unix.Siginfo)(unsafe.Pointer(&c)), options|unix.WNOHANG|unix.WALL, nil)
		if !errors.Is(err, unix.EINTR) {
			return c
		}
	}
}

// reapOrphans reaps all children that have ended but the command, which is the
// library's. The init of a PID namespace gets them from everybody in it; who execs
// autokill may leave it some, too.
func reapOrphans(command int) {
	for {
		ended := waitid(unix.P_ALL, 0, unix.WEXITED|unix.WNOWAIT)
		if ended.pid == 0 || int(ended.pid) == command {
			return // the command is reaped at once, and autokill ends
		}
		waitid(unix.P_PID, int(ended.pid), unix.WEXITED)
	}
}

// stopOf is the signal that has stopped the command, or 0. The kernel tells of each stop
// once, and not if the command has been continued since.
func stopOf(command int) syscall.Signal {
	return syscall.Signal(waitid(unix.P_PID, command, unix.WSTOPPED).status)
}

// isStopped says whether a process is stopped now.
func isStopped(pid int) bool { return stateOf(pid) == 'T' }

// runs says that a process is not stopped. One whose leader thread has ended alone looks
// like a zombie, and could be.
func runs(pid int) bool { return strings.ContainsRune("RSD", stateOf(pid)) }

// stateOf asks /proc/PID/stat (proc(5)). It is 0 if that cannot be known.
func stateOf(pid int) rune {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name before the state is in parentheses and may hold anything.
	_, state, ok := bytes.Cut(stat[max(bytes.LastIndexByte(stat, ')'), 0):], []byte(") "))
	if !ok || len(state) == 0 {
		return 0
	}
	return rune(state[0])
}
