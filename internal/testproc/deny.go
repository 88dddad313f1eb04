//go:build linux

package testproc

import (
	"fmt"
	"os"
	"strings"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// deny puts a filter on all threads of this process, for ever.
func deny(rules string) error {
	policy := seccomp.Policy{DefaultAction: seccomp.ActionAllow}
	for rule := range strings.SplitSeq(rules, ",") {
		name, code, _ := strings.Cut(rule, "=")
		errno, ok := map[string]unix.Errno{"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM, "EMFILE": unix.EMFILE}[code]
		if !ok {
			return fmt.Errorf("cannot deny by rule %q", rule)
		}
		policy.Syscalls = append(policy.Syscalls, seccomp.SyscallGroup{
			Names: []string{name}, Action: seccomp.ActionErrno | seccomp.Action(errno),
		})
	}
	// Only who has CAP_SYS_ADMIN may filter without no_new_privs (seccomp(2)).
	// Without it where possible: the tests look at that bit.
	return seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: os.Geteuid() != 0, Flag: seccomp.FilterFlagTSync, Policy: policy,
	})
}
