//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// i386Calls are made by a program of 32 bits, in a tree. A call answers with the
// negative errno.
var i386Calls = []struct {
	name string
	nr   int32
	args [4]int32
	want int32
}{
	{"setsid", 66, [4]int32{}, 0},
	{"setpgid(0, 0)", 57, [4]int32{}, 0},
	{"ioctl(0, TIOCSPGRP)", 54, [4]int32{0, unix.TIOCSPGRP}, 0},
	{"ioctl(0, TIOCSCTTY)", 54, [4]int32{0, unix.TIOCSCTTY}, 0},
	{"kill(0)", 37, [4]int32{}, -int32(unix.EPERM)},
	{"kill(-1)", 37, [4]int32{-1}, -int32(unix.EPERM)},
	{"pidfd_send_signal(group)", 424, [4]int32{0, 0, 0, 4}, -int32(unix.EPERM)},
	{"clone3", 435, [4]int32{}, -int32(unix.ENOSYS)},
	{"clone(CLONE_NEWPID)", 120, [4]int32{unix.CLONE_NEWPID}, -int32(unix.EPERM)},
	{"unshare(CLONE_NEWPID)", 310, [4]int32{unix.CLONE_NEWPID}, -int32(unix.EPERM)},
	{"setns(0, CLONE_NEWUSER)", 346, [4]int32{0, unix.CLONE_NEWUSER}, -int32(unix.EPERM)},
	{"setns(0, 0)", 346, [4]int32{}, -int32(unix.EPERM)},
}

// i386Program writes a program that makes the calls and exits with the number, from 1,
// of the first one that did not answer as it should, or with 0.
func i386Program(t *testing.T) string {
	t.Helper()
	var code []byte
	number := func(n int32) { code = binary.LittleEndian.AppendUint32(code, uint32(n)) }
	exit := func(status int32) {
		code = append(code, 0xbb) // mov ebx, status
		number(status)
		code = append(code, 0xb8) // mov eax, exit
		number(1)
		code = append(code, 0xcd, 0x80) // int 0x80
	}
	const exitSize = 12
	for i, c := range i386Calls {
		code = append(code, 0xb8) // mov eax, nr
		number(c.nr)
		for reg, arg := range c.args {
			code = append(code, []byte{0xbb, 0xb9, 0xba, 0xbe}[reg]) // mov ebx, ecx, edx, esi
			number(arg)
		}
		code = append(code, 0xcd, 0x80) // int 0x80
		code = append(code, 0x3d)       // cmp eax, want
		number(c.want)
		code = append(code, 0x74, exitSize) // je over the exit
		exit(int32(i + 1))
	}
	exit(0)

	const (
		base    = 0x8048000
		headers = 52 + 32
	)
	order := binary.LittleEndian
	elf := append([]byte("\x7fELF\x01\x01\x01"), make([]byte, 9)...)
	for _, n := range []uint16{2, 3} { // ET_EXEC, EM_386
		elf = order.AppendUint16(elf, n)
	}
	for _, n := range []uint32{1, base + headers, 52, 0, 0} { // version, entry, program header, sections, flags
		elf = order.AppendUint32(elf, n)
	}
	for _, n := range []uint16{52, 32, 1, 0, 0, 0} { // sizes and counts of headers
		elf = order.AppendUint16(elf, n)
	}
	size := uint32(headers + len(code))
	for _, n := range []uint32{1, 0, base, base, size, size, 5, 0x1000} { // PT_LOAD, readable and executable
		elf = order.AppendUint32(elf, n)
	}
	path := filepath.Join(t.TempDir(), "i386")
	if err := os.WriteFile(path, append(elf, code...), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
