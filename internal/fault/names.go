//go:build linux && (amd64 || arm64)

package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// seen are the calls that the filter stops, but for traffic: all that have errnos, and the
// mark.
func seen() []string {
	names := map[string]bool{"sched_get_priority_max": true}
	for call := range errnos {
		name, _, _ := strings.Cut(call, "(")
		if _, there := table.SyscallNames[name]; there && !slices.Contains(traffic, name) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// table has the numbers of this architecture.
var table = must(arch.GetInfo(""))

func must(info *arch.Info, err error) *arch.Info {
	if err != nil {
		panic(err) // cannot be: the architectures are those of the build tag
	}
	return info
}

// requests are calls that do many things: which one stands in an argument.
var requests = map[string]struct {
	argument int
	names    map[uint64]string
}{
	"fcntl": {1, map[uint64]string{
		unix.F_DUPFD_CLOEXEC: "F_DUPFD_CLOEXEC", unix.F_GETFD: "F_GETFD", unix.F_SETFD: "F_SETFD",
		unix.F_GETFL: "F_GETFL", unix.F_SETFL: "F_SETFL", unix.F_SETSIG: "F_SETSIG",
		unix.F_SETOWN_EX: "F_SETOWN_EX", unix.F_SETOWN: "F_SETOWN", unix.F_SETPIPE_SZ: "F_SETPIPE_SZ",
		unix.F_ADD_SEALS: "F_ADD_SEALS", unix.F_GET_SEALS: "F_GET_SEALS",
	}},
	"prctl": {0, map[uint64]string{
		unix.PR_SET_NO_NEW_PRIVS: "PR_SET_NO_NEW_PRIVS", unix.PR_SET_PDEATHSIG: "PR_SET_PDEATHSIG",
		unix.PR_SET_KEEPCAPS: "PR_SET_KEEPCAPS", unix.PR_CAP_AMBIENT: "PR_CAP_AMBIENT",
		unix.PR_CAPBSET_DROP: "PR_CAPBSET_DROP", unix.PR_CAPBSET_READ: "PR_CAPBSET_READ",
		unix.PR_GET_DUMPABLE: "PR_GET_DUMPABLE", unix.PR_SET_DUMPABLE: "PR_SET_DUMPABLE",
		unix.PR_GET_SECCOMP: "PR_GET_SECCOMP", unix.PR_SET_NAME: "PR_SET_NAME",
	}},
	"ioctl": {1, map[uint64]string{
		unix.TIOCSPGRP: "TIOCSPGRP", unix.TIOCSCTTY: "TIOCSCTTY", unix.TIOCNOTTY: "TIOCNOTTY",
		// The size of the caller's structure is part of the number.
		0xC040FF0B: "PIDFD_GET_INFO", 0xC048FF0B: "PIDFD_GET_INFO", 0xC050FF0B: "PIDFD_GET_INFO", 0xC058FF0B: "PIDFD_GET_INFO",
		unix.PIDFD_GET_PID_NAMESPACE: "PIDFD_GET_PID_NAMESPACE", 0x8004b707: "NS_GET_TGID_FROM_PIDNS",
	}},
}

// Restore is the call that gives a thread its signal mask back.
const Restore = "rt_sigprocmask(restore)"

// Arm is the call from which on an end of a pipe kills.
const Arm = "fcntl(F_SETFL, O_ASYNC)"

// name is how a call is spoken of: "pipe2", "fcntl(F_SETSIG)".
func name(nr int32, args [6]uint64) string {
	call := table.SyscallNumbers[int(nr)]
	if call == "rt_sigprocmask" && args[2] == 0 { // which does not ask for the mask before
		return Restore
	}
	request, ok := requests[call]
	if !ok {
		return call
	}
	number := args[request.argument]
	if call == "fcntl" && number == unix.F_SETFL && args[2]&unix.O_ASYNC != 0 {
		return Arm
	}
	if name, ok := request.names[number]; ok {
		return call + "(" + name + ")"
	}
	return fmt.Sprintf("%s(%#x)", call, number)
}

func isExec(nr int32) bool { return nr == unix.SYS_EXECVE || nr == unix.SYS_EXECVEAT }
