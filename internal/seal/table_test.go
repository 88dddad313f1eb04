//go:build linux

package seal

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	allowed = uint32(unix.SECCOMP_RET_ALLOW)
	nothing = uint32(unix.SECCOMP_RET_ERRNO) // success without effect
	eperm   = uint32(unix.SECCOMP_RET_ERRNO | unix.EPERM)
	enosys  = uint32(unix.SECCOMP_RET_ERRNO | unix.ENOSYS)
	einval  = uint32(unix.SECCOMP_RET_ERRNO | unix.EINVAL)
)

// data is struct seccomp_data.
type data struct {
	nr   uint32
	arch uint32
	args [6]uint64
}

func (d data) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, d.nr)
	b = binary.LittleEndian.AppendUint32(b, d.arch)
	b = binary.LittleEndian.AppendUint64(b, 0) // instruction_pointer
	for _, arg := range d.args {
		b = binary.LittleEndian.AppendUint64(b, arg)
	}
	return b
}

// run is as much of BPF as the filter needs.
func run(t *testing.T, program []unix.SockFilter, d data) uint32 {
	t.Helper()
	memory := d.bytes()
	var acc uint32
	for at := 0; at < len(program); at++ {
		i := program[at]
		jump := func(taken bool) {
			if taken {
				at += int(i.Jt)
			} else {
				at += int(i.Jf)
			}
		}
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			acc = binary.LittleEndian.Uint32(memory[i.K:])
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			acc &= i.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(acc == i.K)
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			jump(acc&i.K != 0)
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		default:
			t.Fatalf("instruction %d has the code %#x", at, i.Code)
		}
	}
	t.Fatal("the program has no end")
	return 0
}

// numbers are those of the kernel's own tables, written down once more: of setsid,
// setpgid, ioctl, kill, pidfd_send_signal, clone3, clone, unshare, setns, and of fork
// or, where there is none, getpid.
var numbers = []struct {
	name, goarch string
	arch         uint32
	nr           [10]uint32
}{
	{"x86_64", "amd64", 0xc000003e, [10]uint32{112, 109, 16, 62, 424, 435, 56, 272, 308, 57}},
	{"x32", "amd64", 0xc000003e, [10]uint32{
		0x40000070, 0x4000006d, 0x40000202, 0x4000003e, 0x400001a8, 0x400001b3, 0x40000038, 0x40000110, 0x40000134, 0x40000039,
	}},
	{"i386", "amd64", 0x40000003, [10]uint32{66, 57, 54, 37, 424, 435, 120, 310, 346, 2}},
	{"aarch64", "arm64", 0xc00000b7, [10]uint32{157, 154, 29, 129, 424, 435, 220, 97, 268, 172}},
	{"arm", "arm64", 0x40000028, [10]uint32{66, 57, 54, 37, 424, 435, 120, 337, 375, 2}},
}

// high is in the half of an argument that the kernel does not look at.
const high = 0xdeadbeef << 32

func TestVerdicts(t *testing.T) {
	type args = [6]uint64
	tests := []struct {
		call int // index of numbers.nr
		what string
		args args
		want uint32
	}{
		{0, "setsid", args{}, nothing},
		{1, "setpgid(0, 0)", args{}, nothing},
		{1, "setpgid(5, 7)", args{5, 7}, nothing},
		{2, "ioctl(0, TIOCSPGRP)", args{0, 0x5410}, nothing},
		{2, "ioctl(0, TIOCSPGRP) with high bits", args{0, high | 0x5410}, nothing},
		{2, "ioctl(0, TIOCGPGRP)", args{0, 0x540f}, allowed},
		{2, "ioctl(0, TIOCSCTTY)", args{0, 0x540e}, nothing},
		{2, "ioctl(0, TIOCNOTTY)", args{0, 0x5422}, allowed},
		{2, "ioctl(TIOCSPGRP, 0)", args{0x5410, 0}, allowed},

		{3, "kill(1)", args{1, 9}, allowed},
		{3, "kill(2^31-1)", args{1<<31 - 1, 9}, allowed},
		{3, "kill(0)", args{0, 9}, eperm},
		{3, "kill(0) with high bits", args{high, 9}, eperm},
		{3, "kill(0, SIGTSTP)", args{0, 20}, allowed},
		{3, "kill(0, SIGSTOP)", args{0, 19}, allowed},
		{3, "kill(0, SIGCONT)", args{0, 18}, eperm},
		{3, "kill(-1, SIGTSTP)", args{1<<64 - 1, 20}, eperm},
		{3, "kill(-5, SIGSTOP)", args{1<<64 - 5, 19}, eperm},
		{3, "kill(-1)", args{1<<64 - 1, 9}, eperm},
		{3, "kill(-1) of 32 bits", args{1<<32 - 1, 9}, eperm},
		{3, "kill(-5)", args{1<<64 - 5, 9}, eperm},
		{3, "kill(-2^31)", args{1 << 31, 9}, eperm},

		{4, "pidfd_send_signal", args{3, 9, 0, 0}, allowed},
		{4, "pidfd_send_signal to a thread", args{3, 9, 0, 1}, allowed},
		{4, "pidfd_send_signal to a process", args{3, 9, 0, 2}, allowed},
		{4, "pidfd_send_signal to a group", args{3, 9, 0, 4}, eperm},
		{4, "pidfd_send_signal to a group, with high bits", args{3, 9, 0, high | 4}, eperm},
		{4, "pidfd_send_signal to a group and more", args{3, 9, 0, 7}, eperm},

		{5, "clone3", args{0x1000, 88}, enosys},
		{6, "clone as fork does", args{17}, allowed},
		{6, "clone of a thread", args{0x3d0f00}, allowed},
		{6, "clone(CLONE_NEWUSER)", args{0x10000000 | 17}, allowed},
		{6, "clone(CLONE_PARENT)", args{0x8000 | 17}, einval},
		{6, "clone(CLONE_NEWPID)", args{0x20000000 | 17}, eperm},
		{6, "clone(CLONE_NEWPID) with high bits", args{high | 0x20000000 | 17}, eperm},
		{6, "clone(all namespaces)", args{0x7e020000 | 17}, eperm},
		{7, "unshare(CLONE_NEWUSER|CLONE_NEWNS)", args{0x10020000}, allowed},
		{7, "unshare(CLONE_NEWPID)", args{0x20000000}, eperm},
		{7, "unshare(CLONE_NEWUSER|CLONE_NEWPID)", args{0x30000000}, eperm},
		{8, "setns(any type)", args{3, 0}, eperm},
		{8, "setns(any type) with high bits", args{3, high}, eperm},
		{8, "setns(CLONE_NEWPID)", args{3, 0x20000000}, eperm},
		{8, "setns(pidfd, several)", args{3, 0x30000000}, eperm},
		{8, "setns(CLONE_NEWUSER)", args{3, 0x10000000}, eperm},
		{8, "setns(pidfd, CLONE_NEWUSER|CLONE_NEWNS)", args{3, 0x10020000}, eperm},
		{8, "setns(CLONE_NEWNET)", args{3, 0x40000000}, allowed},

		{9, "fork", args{}, allowed},
	}
	for _, a := range numbers {
		program := compile(rules, abis[a.goarch])
		for _, tt := range tests {
			if got := run(t, program, data{a.nr[tt.call], a.arch, tt.args}); got != tt.want {
				t.Errorf("%s, %s: verdict %#x, want %#x", a.name, tt.what, got, tt.want)
			}
		}
	}
}

// TestX32Numbers: x32 has another number for ioctl, and neither is left out in either
// ABI.
func TestX32Numbers(t *testing.T) {
	program := compile(rules, abis["amd64"])
	for _, nr := range []uint32{16, 514, 16 | x32, 514 | x32} {
		d := data{nr, unix.AUDIT_ARCH_X86_64, [6]uint64{0, unix.TIOCSPGRP}}
		if got := run(t, program, d); got != nothing {
			t.Errorf("ioctl by number %#x: verdict %#x", nr, got)
		}
	}
}

// TestOtherABI: what cannot be judged is not there.
func TestOtherABI(t *testing.T) {
	for goarch, all := range abis {
		if got := run(t, compile(rules, all), data{1, unix.AUDIT_ARCH_S390X, [6]uint64{}}); got != enosys {
			t.Errorf("%s: verdict on a call of another ABI is %#x", goarch, got)
		}
	}
}

// TestEveryABIHasEveryCall: a call without a number would be allowed.
func TestEveryABIHasEveryCall(t *testing.T) {
	for goarch, all := range abis {
		for _, a := range all {
			for _, r := range rules {
				if len(a.numbers[r.call]) == 0 {
					t.Errorf("%s, arch %#x: call %d has no number", goarch, a.arch, r.call)
				}
			}
		}
	}
}
