//go:build linux && (amd64 || arm64)

package bond

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/pidfd"
)

// Ledger of kernel versions:
//
//	PIDFD_GET_INFO    6.13: pid and credentials. Before, /proc tells.
//	scm_fds in fdinfo 5.6 (net/unix/af_unix.c, unix_show_fdinfo)

// couldKill holds the rule of sigio_perm (fs/fcntl.c), by which the kernel would let
// somebody arm a tripwire: root, or whose uid is the real or the saved one of the process.
// Who holds the handle may be more powerful, and must not be made to signal others.
func couldKill(sender unix.Ucred, observer *pidfd.FD) error {
	creds, err := credsOf(observer)
	switch {
	case errors.Is(err, os.ErrProcessDone), errors.Is(err, errAbroad):
		return nil // cannot be signalled by us
	case err != nil:
		return err
	case sender.Pid == 0 && sender.Uid == overflow:
		return errors.New("the kernel does not say who has made it")
	case sender.Uid == 0, sender.Uid == creds.real, sender.Uid == creds.saved:
		return nil
	}
	return fmt.Errorf("user %d has made it, who could not kill a process of user %d", sender.Uid, creds.real)
}

// refusal says why a process is not to be signalled for whoever has made the handle, if that was
// somebody weaker.
func refusal(maker *unix.Ucred, pid int, observer *pidfd.FD) error {
	if maker == nil {
		return nil
	}
	if err := couldKill(*maker, observer); err != nil {
		return fmt.Errorf("process %d: %w (%w)", pid, err, unix.EPERM)
	}
	return nil
}

// weaker gives the maker of a handle, or nil if he can signal all whom this program can.
func weaker(maker unix.Ucred) *unix.Ucred {
	caps, err := clone.ReadCapabilities()
	if asPowerful(int(maker.Uid), self().uids, err != nil || caps.Has(unix.CAP_KILL)) {
		return nil
	}
	return &maker
}

// asPowerful goes by the rule of kill(2). The program's ids are the real and the effective one.
func asPowerful(maker int, program []int, capable bool) bool {
	other := func(uid int) bool { return uid != maker }
	return maker == 0 || !capable && !slices.ContainsFunc(program, other)
}

type creds struct{ real, saved uint32 }

// errAbroad is about a process that is not in our PID namespace or in one below it.
var errAbroad = errors.New("the process is not in this PID namespace")

func credsOf(observer *pidfd.FD) (creds, error) {
	info, err := observer.Info(pidfd.InfoPID | pidfd.InfoCreds)
	switch {
	case errors.Is(err, unix.EREMOTE):
		return creds{}, errAbroad
	case err == nil:
		if told, ok := info.Creds(); ok {
			return creds{told.RUID, told.SUID}, nil
		}
		return creds{}, os.ErrProcessDone
	case errors.Is(err, os.ErrProcessDone):
		return creds{}, err
	}
	// The kernel is too old, or a filter denies the question.
	pid, err := pidByProc(observer)
	if err != nil {
		return creds{}, err
	}
	t := target{pid: pid}
	lost := t.look()
	// The number was the process's own all the time if it still is.
	switch {
	case errors.Is(observer.Signal(0, pidfd.ToReferent), os.ErrProcessDone):
		return creds{}, os.ErrProcessDone
	case lost != nil:
		return creds{}, unsupported("needs /proc of this program's PID namespace, or Linux 6.13")
	}
	return creds{uint32(t.real), uint32(t.saved)}, nil
}

// pidOf is the number of a process in our PID namespace: 0 if it is not in there, -1 if it
// has ended and its number is not known any more.
func pidOf(observer *pidfd.FD) (int, error) {
	info, err := observer.Info(pidfd.InfoPID)
	switch {
	case errors.Is(err, unix.EREMOTE):
		return 0, nil
	case err == nil:
		if ids, ok := info.IDs(); ok {
			return ids.TGID, nil
		}
		return -1, nil
	case errors.Is(err, os.ErrProcessDone):
		return -1, nil
	}
	pid, err := pidByProc(observer)
	switch {
	case errors.Is(err, errAbroad):
		return 0, nil
	case errors.Is(err, os.ErrProcessDone):
		return -1, nil
	}
	return pid, err
}

// pidByProc reads the line "Pid:" of a pidfd's fdinfo: -1 if the process was reaped, 0 if it
// is not in the PID namespace of this /proc.
func pidByProc(observer *pidfd.FD) (int, error) {
	text, err := fdinfo(observer)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(string(field(text, "Pid:")))
	switch {
	case err != nil:
		return 0, err
	case pid < 0:
		return 0, os.ErrProcessDone
	case pid == 0:
		return 0, errAbroad
	}
	return pid, nil
}

func fdinfo(observer *pidfd.FD) (text []byte, err error) {
	if !ownProc() {
		return nil, unsupported("needs /proc of this program's PID namespace, or Linux 6.13")
	}
	conn, err := observer.SyscallConn()
	if err != nil {
		return nil, err
	}
	closed := conn.Control(func(fd uintptr) { text, err = os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd)) })
	return text, errors.Join(closed, err)
}

// countFiles compares with what the kernel tells of the queue, where it does.
func countFiles(socket, want int) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/thread-self/fdinfo/%d", socket))
	if err != nil {
		return nil //nolint:nilerr // without /proc this cannot be known
	}
	if n, err := strconv.Atoi(string(field(text, "scm_fds:"))); err == nil && n != want {
		return notHandle(fmt.Errorf("it has %d descriptors in its queue instead of %d", n, want))
	}
	return nil
}

// field gives what is behind a name that begins a line.
func field(text []byte, name string) []byte {
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}
