//go:build linux

package seal

import "golang.org/x/sys/unix"

// abi is a way to make system calls.
type abi struct {
	arch uint32 // AUDIT_ARCH_…
	// ignore are bits of a call's number that do not matter here.
	ignore  uint32
	numbers map[call][]uint32
}

// x32 is __X32_SYSCALL_BIT. The calls of x32 have this bit in their numbers and the
// arch of x86_64.
const x32 = 1 << 30

// abis are all that a kernel for the architecture may have. Where x32 counts
// differently, both numbers stand for both: some kernels took one for the other
// (arch/x86/entry/syscalls/syscall_64.tbl, "design error").
var abis = map[string][]abi{
	"amd64": {
		{unix.AUDIT_ARCH_X86_64, x32, map[call][]uint32{
			ioctl: {16, 514}, clone: {56}, kill: {62}, setpgid: {109}, setsid: {112},
			unshare: {272}, setns: {308}, pidfdSendSignal: {424}, clone3: {435},
		}},
		{unix.AUDIT_ARCH_I386, 0, map[call][]uint32{
			kill: {37}, ioctl: {54}, setpgid: {57}, setsid: {66}, clone: {120},
			unshare: {310}, setns: {346}, pidfdSendSignal: {424}, clone3: {435},
		}},
	},
	"arm64": {
		{unix.AUDIT_ARCH_AARCH64, 0, map[call][]uint32{
			ioctl: {29}, unshare: {97}, kill: {129}, setpgid: {154}, setsid: {157},
			clone: {220}, setns: {268}, pidfdSendSignal: {424}, clone3: {435},
		}},
		{unix.AUDIT_ARCH_ARM, 0, map[call][]uint32{
			kill: {37}, ioctl: {54}, setpgid: {57}, setsid: {66}, clone: {120},
			unshare: {337}, setns: {375}, pidfdSendSignal: {424}, clone3: {435},
		}},
	},
}
