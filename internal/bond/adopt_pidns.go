//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/descriptor"
	"github.com/autokill/autokill/internal/pidns"
	"github.com/autokill/autokill/pidfd"
)

// Ledger of kernel versions, for native, which is later than all of them:
//
//	PIDFD_GET_PID_NAMESPACE   6.11
//	NS_GET_TGID_FROM_PIDNS    6.11 (fs/nsfs.c)

// adoptDwellers makes the Child of a handle of a PID namespace. It takes the pidfds.
func adoptDwellers(handle *descriptor.FD, m adopted, command, init *pidfd.FD, monitor ...*pidfd.FD) (*Child, error) {
	outer := append(monitor, init)
	pid, err := pidOf(command)
	if err == nil {
		err = notOurInit(pid, command, init)
	}
	if err != nil {
		for _, fd := range append(outer, command) {
			fd.Close()
		}
		return nil, err
	}
	child := newChild(pid, handle, command, m)
	child.outer = outer
	child.everybody = dwellers{pid, command, init}
	if pid == 0 {
		child.everybody = abroad{ScopePIDNamespace, command}
	}
	return child, nil
}

// adoptInit finds the command of an init of ours: process 2 of its namespace.
func adoptInit(handle *descriptor.FD, init *pidfd.FD, namespace *os.File) (*Child, error) {
	first, err := pidOf(init)
	var command *pidfd.FD
	if err == nil {
		command, err = secondIn(namespace, first)
	}
	if err != nil {
		init.Close()
		return nil, fmt.Errorf("the command in the PID namespace cannot be found: %w", err)
	}
	return adoptDwellers(handle, adopted{mechanism: native{}, started: first}, command, init)
}

// notOurInit says why a process is not the init around a command: whoever is taken for one has
// all his descendants signalled. It is nil if one of them has ended or lives elsewhere, which leaves
// nobody to be signalled, and where /proc does not tell, which leaves nobody to be found.
func notOurInit(pid int, command, init *pidfd.FD) error {
	first := target{}
	var err error
	if first.pid, err = pidOf(init); err != nil || first.pid <= 0 || pid <= 0 || !ownProc() {
		return err
	}
	s, lost := readStat(pid)
	lost = errors.Join(lost, first.look())
	// The numbers were their own all the time if they still are.
	if lost != nil || ended(command) || ended(init) {
		return nil
	}
	return aroundCommand(first, s)
}

// aroundCommand goes by what nobody can make up: who has a second number, and is the first by it.
func aroundCommand(init target, command stat) error {
	switch {
	case command.parent != init.pid:
		return notHandle(fmt.Errorf("process %d is not the parent of its command", init.pid))
	case init.inner != 1 || init.pid == 1:
		return notHandle(fmt.Errorf("process %d is not the init of a PID namespace in this one", init.pid))
	}
	return nil
}

func secondIn(namespace *os.File, init int) (*pidfd.FD, error) {
	const translate = 2<<30 | 4<<16 | 0xb7<<8 | 7 // NS_GET_TGID_FROM_PIDNS, _IOR(NSIO, 7, int)
	pid, _, errno := unix.Syscall(unix.SYS_IOCTL, namespace.Fd(), translate, 2)
	if errno != 0 {
		return nil, os.NewSyscallError("ioctl(NS_GET_TGID_FROM_PIDNS)", errno)
	}
	command, err := pidfd.Open(int(pid), 0)
	if err != nil {
		return nil, err
	}
	// The number may have become another's before it was opened. But who has the init for
	// a parent lives in the namespace, and while that is there, so is its second process.
	parent, err := parentOf(command, int(pid))
	if err == nil && parent != init {
		err = os.ErrProcessDone
	}
	if err != nil {
		command.Close()
		return nil, err
	}
	return command, nil
}

// parentOf asks the kernel, or /proc where a filter denies that.
func parentOf(fd *pidfd.FD, pid int) (int, error) {
	info, err := fd.Info(pidfd.InfoPID)
	if err == nil {
		if ids, ok := info.IDs(); ok {
			return ids.PPID, nil
		}
		return 0, os.ErrProcessDone
	}
	if err := needProc(); err != nil {
		return 0, err
	}
	s, lost := readStat(pid)
	// The number was the process's own all the time if it still is.
	if errors.Is(fd.Signal(0, pidfd.ToReferent), os.ErrProcessDone) {
		return 0, os.ErrProcessDone
	}
	return s.parent, lost
}

// namespaceOfOurInit gives the PID namespace of a native child that is an init of package
// pidns. It is nil if the child is another process, and if it has ended.
func namespaceOfOurInit(observer *pidfd.FD) (*os.File, error) {
	pid, err := pidOf(observer)
	if err != nil || pid <= 0 {
		return nil, err
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err == nil && string(name) != pidns.InitName+"\n" {
		return nil, nil
	}
	namespace, err := observer.Namespace(pidfd.PIDNamespace)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("whether it is of a PID namespace: %w", err)
	}
	own, err := isOwnPIDNamespace(namespace)
	if err == nil && !own {
		return namespace, nil
	}
	namespace.Close() // the name is one that a process has given to itself
	return nil, err
}

func isOwnPIDNamespace(namespace *os.File) (bool, error) {
	self, err := pidfd.Open(os.Getpid(), 0)
	if err != nil {
		return false, err
	}
	defer self.Close()
	own, err := self.Namespace(pidfd.PIDNamespace)
	if err != nil {
		return false, err
	}
	defer own.Close()
	a, err := namespace.Stat()
	if err != nil {
		return false, err
	}
	b, err := own.Stat()
	return err == nil && os.SameFile(a, b), err
}
