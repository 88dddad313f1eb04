//go:build linux

package testproc

import (
	"fmt"
	"os"
	"strings"

	bpf "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// answers are what a denied call can get.
var answers = map[string]unix.Errno{
	"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM, "EMFILE": unix.EMFILE, "ENOTTY": unix.ENOTTY,
}

// A request is one kind of a call that has many: its number stands in an argument.
type request struct {
	call     string
	argument uint32
	numbers  []uint64
}

var requests = map[string]request{
	// The size of the caller's structure is part of the number.
	"PIDFD_GET_INFO":      {"ioctl", 1, []uint64{0xC040FF0B, 0xC048FF0B, 0xC050FF0B, 0xC058FF0B}},
	"F_SETSIG":            {"fcntl", 1, []uint64{unix.F_SETSIG}},
	"F_SETOWN_EX":         {"fcntl", 1, []uint64{unix.F_SETOWN_EX}},
	"F_SETFL":             {"fcntl", 1, []uint64{unix.F_SETFL}},
	"PR_SET_NO_NEW_PRIVS": {"prctl", 0, []uint64{unix.PR_SET_NO_NEW_PRIVS}},
}

// deny puts a filter on this thread, for ever. A rule is a call or a request, and what
// it gets: "clone3=ENOSYS".
func deny(rules []string) error {
	policy := bpf.Policy{DefaultAction: bpf.ActionAllow}
	for _, rule := range rules {
		name, answer, _ := strings.Cut(rule, "=")
		errno, ok := answers[answer]
		if !ok {
			return fmt.Errorf("cannot deny by rule %q", rule)
		}
		group := bpf.SyscallGroup{Action: bpf.ActionErrno | bpf.Action(errno)}
		if r, ok := requests[name]; ok {
			for _, number := range r.numbers {
				group.NamesWithCondtions = append(group.NamesWithCondtions, bpf.NameWithConditions{
					Name:       r.call,
					Conditions: bpf.ArgumentConditions{{Argument: r.argument, Operation: bpf.Equal, Value: number}},
				})
			}
		} else {
			group.Names = []string{name}
		}
		policy.Syscalls = append(policy.Syscalls, group)
	}
	// Only who has CAP_SYS_ADMIN may filter without no_new_privs (seccomp(2)).
	// Without it where possible: the tests look at that bit.
	return bpf.LoadFilter(bpf.Filter{NoNewPrivs: os.Geteuid() != 0, Policy: policy})
}
