// Package elf makes executable files of machine code that refers to nothing outside of itself.
package elf

import (
	"encoding/binary"
	"runtime"
	"unsafe"
)

// These are Elf64_Ehdr and Elf64_Phdr of elf(5). What has no name here stays zero.
type (
	fileHeader struct {
		ident                    [16]byte
		kind, machine            uint16
		version                  uint32
		entry, segments          uint64
		_                        uint64 // sections
		_                        uint32 // flags
		size, segmentSize, count uint16
		_, _, _                  uint16 // sections
	}
	segment struct {
		kind, flags             uint32
		_                       uint64 // offset
		address                 uint64
		_                       uint64 // physical address
		fileSize, memory, align uint64
	}
)

const (
	loadAddress = 0x400000
	pageSize    = 0x10000 // the largest that a kernel for arm64 can have

	executableFile = 2          // ET_EXEC
	loadSegment    = 1          // PT_LOAD
	stackSegment   = 0x6474e551 // PT_GNU_STACK
	flagX          = 1
	flagW          = 2
	flagR          = 4
)

// Image is an executable file: header, one read-only segment with all of the file in
// it, a stack that is not executable, and the code.
func Image(code []byte, machine uint16) []byte {
	type headers struct {
		file     fileHeader
		segments [2]segment
	}
	const start = uint64(unsafe.Sizeof(headers{}))
	size := start + uint64(len(code))
	h := headers{
		fileHeader{
			ident:       [16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, // 64 bits, little endian, version 1
			kind:        executableFile,
			machine:     machine,
			version:     1,
			entry:       loadAddress + start,
			segments:    uint64(unsafe.Sizeof(fileHeader{})),
			size:        uint16(unsafe.Sizeof(fileHeader{})),
			segmentSize: uint16(unsafe.Sizeof(segment{})),
			count:       2,
		},
		[2]segment{
			{kind: loadSegment, flags: flagR | flagX, address: loadAddress, fileSize: size, memory: size, align: pageSize},
			{kind: stackSegment, flags: flagR | flagW},
		},
	}
	file, err := binary.Append(nil, binary.LittleEndian, &h)
	if err != nil {
		panic(err) // cannot be: the size of the structs is fixed
	}
	return append(file, code...)
}

// Machine is the number of the architecture that this program runs on.
func Machine() uint16 {
	if runtime.GOARCH == "arm64" {
		return 183 // EM_AARCH64
	}
	return 62 // EM_X86_64
}
