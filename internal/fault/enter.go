//go:build linux && (amd64 || arm64)

package fault

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	bpf "github.com/elastic/go-seccomp-bpf"
	netbpf "golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// talk is the highest of the descriptors by which a supervised program talks to its
// supervisor: reads and writes there are not seen, or the two would wait for each other.
const talk = 2

// traffic are the calls for which that is so.
var traffic = []string{"read", "write", "sendmsg", "recvmsg"}

// Enter puts this process under a supervisor and replaces the program: the filter is a
// thread's, and after the exec that thread is the only one. The supervisor is at the other
// end of the socket, one of the standard streams, and gets the listener by [Receive]. Enter
// returns only if it fails.
func Enter(socket int, path string, argv, env []string) error {
	runtime.LockOSThread()
	if os.Geteuid() != 0 { // who has no CAP_SYS_ADMIN must (seccomp(2))
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return os.NewSyscallError("prctl(PR_SET_NO_NEW_PRIVS)", err)
		}
	}
	listener, err := listen()
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(socket, []byte{0}, unix.UnixRights(listener), nil, 0); err != nil {
		return os.NewSyscallError("sendmsg", err)
	}
	return &os.PathError{Op: "execve", Path: path, Err: unix.Exec(path, argv, env)}
}

// listen puts the filter on. The listener is close-on-exec.
func listen() (int, error) {
	policy := bpf.Policy{DefaultAction: bpf.ActionAllow, Syscalls: []bpf.SyscallGroup{{Action: bpf.ActionUserNotify, Names: seen()}}}
	for _, name := range traffic {
		policy.Syscalls[0].NamesWithCondtions = append(policy.Syscalls[0].NamesWithCondtions, bpf.NameWithConditions{
			Name:       name,
			Conditions: bpf.ArgumentConditions{{Argument: 0, Operation: bpf.GreaterThan, Value: talk}},
		})
	}
	instructions, err := policy.Assemble()
	if err != nil {
		return -1, fmt.Errorf("the filter: %w", err)
	}
	raw, err := netbpf.Assemble(instructions)
	if err != nil {
		return -1, fmt.Errorf("the filter: %w", err)
	}
	program := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		program[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		uintptr(unsafe.Pointer(&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})))
	if errno != 0 {
		return -1, os.NewSyscallError("seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER)", errno)
	}
	return int(listener), nil
}

// Receive is how the supervisor gets the listener.
func Receive(socket int) (*os.File, error) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	parts, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(parts) != 1 {
		return nil, fmt.Errorf("the program has not sent its listener (%w)", err)
	}
	fds, err := unix.ParseUnixRights(&parts[0])
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), "seccomp listener"), nil
}
