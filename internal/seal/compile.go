//go:build linux

package seal

import "golang.org/x/sys/unix"

// Offsets in struct seccomp_data (seccomp(2)). Both architectures are little-endian:
// the low half of an argument comes first.
const (
	offsetNr   = 0
	offsetArch = 4
	offsetArgs = 16
)

// compile makes the filter of rules for the ABIs of one architecture. What comes by
// another ABI is not there, ENOSYS.
func compile(rules []rule, abis []abi) []unix.SockFilter {
	program := []unix.SockFilter{load(offsetArch)}
	for _, a := range abis {
		program = append(program, ifEqual(a.arch, a.compile(rules))...)
	}
	return append(program, answer(unix.ENOSYS))
}

// compile looks at the number, then at the rules for that call.
func (a abi) compile(rules []rule) []unix.SockFilter {
	program := []unix.SockFilter{load(offsetNr)}
	if a.ignore != 0 {
		program = append(program, statement(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, ^a.ignore))
	}
	var done [setns + 1]bool
	for _, r := range rules {
		if done[r.call] {
			continue
		}
		done[r.call] = true
		body := r.call.compile(rules)
		for _, number := range a.numbers[r.call] {
			program = append(program, ifEqual(number, body)...)
		}
	}
	return append(program, allow)
}

// compile tries all rules for the call.
func (c call) compile(rules []rule) []unix.SockFilter {
	var body []unix.SockFilter
	for _, r := range rules {
		if r.call != c {
			continue
		}
		verdict := []unix.SockFilter{allow}
		if r.answer != pass {
			verdict[0] = answer(r.answer)
		}
		switch r.test {
		case always:
			return append(body, verdict...)
		case equals:
			body = append(append(body, load(offsetArgs+8*uint32(r.arg))), ifEqual(r.value, verdict)...)
		case hasAny:
			body = append(append(body, load(offsetArgs+8*uint32(r.arg))), ifAny(r.value, verdict)...)
		}
	}
	return append(body, allow)
}

var allow = statement(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ALLOW)

func answer(errno unix.Errno) unix.SockFilter {
	return statement(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ERRNO|uint32(errno))
}

func load(offset uint32) unix.SockFilter {
	return statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset)
}

// ifEqual runs the body if what was loaded is the value, and jumps over it otherwise.
func ifEqual(value uint32, body []unix.SockFilter) []unix.SockFilter {
	return branch(unix.BPF_JEQ, value, body)
}

// ifAny runs the body if what was loaded has one of the bits.
func ifAny(bits uint32, body []unix.SockFilter) []unix.SockFilter {
	return branch(unix.BPF_JSET, bits, body)
}

// branch can jump over 255 instructions, and panics if there are more.
func branch(test uint16, value uint32, body []unix.SockFilter) []unix.SockFilter {
	const most = 1<<8 - 1
	if len(body) > most {
		panic("seal: the table has become too long for a jump")
	}
	jump := unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: value, Jf: uint8(len(body))}
	return append([]unix.SockFilter{jump}, body...)
}

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }
