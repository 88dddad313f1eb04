//go:build linux && (amd64 || arm64)

// Package racer is a program for tests of the exec race: it does nothing but exec itself,
// always from a thread that is not the leader. It is machine code, because a program with a
// runtime spends nearly all of its time elsewhere than in the exec.
package racer

import (
	"bytes"
	"unsafe"

	"github.com/autokill/autokill/internal/elf"
)

// code is where the program begins (racer_amd64.s, racer_arm64.s).
func code() *byte

// endMark comes after the last instruction.
const endMark = "autokill"

// Program is an executable file. Started with its own path as the only argument, it writes
// a + to standard output, waits for the end of standard input, and then execs that path
// for ever: a thread does that, while the leader waits.
func Program() []byte {
	const enough = 1 << 10
	text := unsafe.Slice(code(), enough)
	return elf.Image(text[:bytes.Index(text, []byte(endMark))], elf.Machine())
}
