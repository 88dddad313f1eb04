package pidfd

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Namespace is a kind of namespace, numbered as in the ioctls PIDFD_GET_*.
type Namespace uint8

// The kinds of namespaces. Those "for children" are where the process' next
// child will be, after an unshare(2) or setns(2).
const (
	CgroupNamespace          Namespace = 1
	IPCNamespace             Namespace = 2
	MountNamespace           Namespace = 3
	NetNamespace             Namespace = 4
	PIDNamespace             Namespace = 5
	PIDForChildrenNamespace  Namespace = 6
	TimeNamespace            Namespace = 7
	TimeForChildrenNamespace Namespace = 8
	UserNamespace            Namespace = 9
	UTSNamespace             Namespace = 10
)

// namespaceNames are the names in /proc/PID/ns.
var namespaceNames = [...]string{
	CgroupNamespace:          "cgroup",
	IPCNamespace:             "ipc",
	MountNamespace:           "mnt",
	NetNamespace:             "net",
	PIDNamespace:             "pid",
	PIDForChildrenNamespace:  "pid_for_children",
	TimeNamespace:            "time",
	TimeForChildrenNamespace: "time_for_children",
	UserNamespace:            "user",
	UTSNamespace:             "uts",
}

// String returns the name that the namespace has in /proc/PID/ns.
func (kind Namespace) String() string {
	if kind == 0 || int(kind) >= len(namespaceNames) {
		return fmt.Sprintf("Namespace(%d)", uint8(kind))
	}
	return namespaceNames[kind]
}

// Namespace opens a namespace of the process (Linux 6.11): a file as from
// /proc/PID/ns, close-on-exec, without /proc and without a race. The caller
// owns it. To join all of a process' namespaces, setns(2) takes the pidfd
// itself.
//
// It needs the right to look at the process (PTRACE_MODE_READ_FSCREDS): the
// error wraps syscall.EACCES without it, [os.ErrProcessDone] if the process
// has ended, also before it is reaped, and [errors.ErrUnsupported] if the
// kernel is older or was built without this kind of namespace.
func (fd *FD) Namespace(kind Namespace) (*os.File, error) {
	var file *os.File
	err := fd.control(func(n int) error {
		call := fmt.Sprintf("pidfd: %v namespace", kind)
		if kind == 0 || int(kind) >= len(namespaceNames) {
			return because("pidfd", fmt.Sprintf("there is no %v", kind), syscall.EINVAL)
		}
		got, err := openNamespace(n, kind)
		switch {
		case err == nil:
			file = os.NewFile(uintptr(got), kind.String())
			return nil
		case errors.Is(err, syscall.ESRCH):
			return gone(call, err)
		case errors.Is(err, syscall.ENOTTY):
			return lacking(call, "PIDFD_GET_*_NAMESPACE", "6.11", err)
		default:
			return os.NewSyscallError(call, err)
		}
	})
	return file, err
}
