//go:build linux

package testproc

import (
	"fmt"
	"maps"
	"slices"
	"unsafe"

	bpf "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	docker "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// dockerKeeps are the capabilities that a container has by default.
var dockerKeeps = map[string]int{
	"CAP_CHOWN": unix.CAP_CHOWN, "CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "CAP_FSETID": unix.CAP_FSETID,
	"CAP_FOWNER": unix.CAP_FOWNER, "CAP_MKNOD": unix.CAP_MKNOD, "CAP_NET_RAW": unix.CAP_NET_RAW,
	"CAP_SETGID": unix.CAP_SETGID, "CAP_SETUID": unix.CAP_SETUID, "CAP_SETFCAP": unix.CAP_SETFCAP,
	"CAP_SETPCAP": unix.CAP_SETPCAP, "CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE,
	"CAP_SYS_CHROOT": unix.CAP_SYS_CHROOT, "CAP_KILL": unix.CAP_KILL, "CAP_AUDIT_WRITE": unix.CAP_AUDIT_WRITE,
}

// DockerCapabilities are their names.
func DockerCapabilities() []string { return slices.Sorted(maps.Keys(dockerKeeps)) }

// loadDocker applies the profile that the Docker engine has built in, for a container
// with the default capabilities. Other than there, programs of other ABIs (i386, x32)
// are denied everything.
func loadDocker() error {
	profile, err := docker.GetDefaultProfile(&specs.Spec{
		Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: DockerCapabilities()}},
	})
	if err != nil {
		return err
	}
	policy, err := translate(profile)
	if err != nil {
		return err
	}
	return bpf.LoadFilter(bpf.Filter{Policy: policy})
}

// otherName is what the table of an architecture has for a name in profiles (arm64).
var otherName = map[string]string{"newfstatat": "fstatat"}

// translate turns an OCI profile into a policy: groups in the order of the profile, the
// first that matches counts. What this architecture does not have is left out.
func translate(profile *specs.LinuxSeccomp) (bpf.Policy, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return bpf.Policy{}, err
	}
	policy := bpf.Policy{}
	if policy.DefaultAction, err = action(profile.DefaultAction, profile.DefaultErrnoRet); err != nil {
		return policy, err
	}
	for _, rule := range profile.Syscalls {
		group := bpf.SyscallGroup{}
		if group.Action, err = action(rule.Action, rule.ErrnoRet); err != nil {
			return policy, err
		}
		conditions, err := translateArgs(rule.Args)
		if err != nil {
			return policy, fmt.Errorf("%v: %w", rule.Names, err)
		}
		for _, name := range rule.Names {
			if _, ok := info.SyscallNames[name]; !ok {
				name = otherName[name]
			}
			if _, ok := info.SyscallNames[name]; !ok {
				continue
			}
			if len(conditions) == 0 {
				group.Names = append(group.Names, name)
			} else {
				group.NamesWithCondtions = append(group.NamesWithCondtions, bpf.NameWithConditions{Name: name, Conditions: conditions})
			}
		}
		policy.Syscalls = append(policy.Syscalls, group)
	}
	return policy, nil
}

func action(a specs.LinuxSeccompAction, errno *uint) (bpf.Action, error) {
	switch a {
	case specs.ActAllow:
		return bpf.ActionAllow, nil
	case specs.ActErrno:
		code := uint(unix.EPERM)
		if errno != nil {
			code = *errno
		}
		if code == uint(unix.EPERM) {
			return bpf.ActionErrno, nil // which is that, and the only errno for a default action
		}
		return bpf.ActionErrno | bpf.Action(code), nil
	}
	return 0, fmt.Errorf("the profile has an action %q", a)
}

func translateArgs(args []specs.LinuxSeccompArg) (bpf.ArgumentConditions, error) {
	var all bpf.ArgumentConditions
	for _, a := range args {
		operation, ok := map[specs.LinuxSeccompOperator]bpf.Operation{
			specs.OpEqualTo: bpf.Equal, specs.OpNotEqual: bpf.NotEqual, specs.OpLessThan: bpf.LessThan,
		}[a.Op]
		if a.Op == specs.OpMaskedEqual && a.ValueTwo == 0 {
			operation, ok = bpf.BitsNotSet, true
		}
		if !ok {
			return nil, fmt.Errorf("the profile compares by %s", a.Op)
		}
		all = append(all, bpf.Condition{Argument: uint32(a.Index), Operation: operation, Value: a.Value})
	}
	return all, nil
}

// dockerCapabilities takes from this thread what a container does not have.
func dockerCapabilities() error {
	var keep [2]uint32
	for _, c := range dockerKeeps {
		keep[c/32] |= 1 << (c % 32)
	}
	for c := range unix.CAP_LAST_CAP + 1 {
		if keep[c/32]&(1<<(c%32)) == 0 {
			if _, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(c), 0); errno != 0 && errno != unix.EINVAL {
				return fmt.Errorf("prctl(PR_CAPBSET_DROP, %d): %w", c, errno)
			}
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	sets := slices.Repeat([]unix.CapUserData{{}}, 2)
	for i := range sets {
		sets[i].Effective, sets[i].Permitted = keep[i], keep[i]
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets[0])), 0); errno != 0 {
		return fmt.Errorf("capset: %w", errno)
	}
	return nil
}
