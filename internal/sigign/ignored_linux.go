//go:build amd64 || arm64

package sigign

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// dispositions is what fwdSig of the runtime is: SIG_DFL, SIG_IGN or the address of a
// handler for each signal.
type dispositions [65]uintptr

const sigIgn = 1 // SIG_IGN

// mask is sigset of the runtime: bit n is signal n+1.
type mask uint64

// anchor is a variable whose address is known, to compare the symbol table with: a
// position independent program is not where its table says.
var anchor byte

const (
	anchorName = "github.com/autokill/autokill/internal/sigign.anchor"
	fwdSigName = "runtime.fwdSig"
	maskName   = "runtime.initSigmask"
)

// Ignored are the signals that were ignored at the start of the program. An error wraps
// errors.ErrUnsupported.
func Ignored() ([]syscall.Signal, error) {
	noted, err := locate(fwdSigName, unsafe.Sizeof(dispositions{}))
	if err != nil {
		return nil, fmt.Errorf("which signals were ignored at the start is not known: %w (%w)", err, errors.ErrUnsupported)
	}
	var ignored []syscall.Signal
	for sig, handler := range (*dispositions)(noted) {
		if handler == sigIgn {
			ignored = append(ignored, syscall.Signal(sig))
		}
	}
	return ignored, nil
}

// Blocked are the signals that were blocked at the start of the program. An error wraps
// errors.ErrUnsupported.
func Blocked() ([]syscall.Signal, error) {
	noted, err := locate(maskName, unsafe.Sizeof(mask(0)))
	if err != nil {
		return nil, fmt.Errorf("which signals were blocked at the start is not known: %w (%w)", err, errors.ErrUnsupported)
	}
	var blocked []syscall.Signal
	for sig := range syscall.Signal(64) {
		if *(*mask)(noted)&(1<<sig) != 0 {
			blocked = append(blocked, sig+1)
		}
	}
	return blocked, nil
}

// locate finds a variable of the runtime with this name and size.
func locate(name string, size uintptr) (unsafe.Pointer, error) {
	program, err := mapped("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer func() { _ = syscall.Munmap(program) }()
	symbols, err := read(program)
	if err != nil {
		return nil, err
	}
	here, err := symbols.find(anchorName, unsafe.Sizeof(anchor))
	if err != nil {
		return nil, err
	}
	there, err := symbols.find(name, size)
	if err != nil {
		return nil, err
	}
	return unsafe.Add(unsafe.Pointer(&anchor), int(there-here)), nil
}

// mapped is an executable file that runs, so nobody can make it shorter (ETXTBSY). It is
// large, and little of it is looked at: that much is not to be read.
func mapped(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	program, err := syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	return program, os.NewSyscallError("mmap", err)
}

// symbols are the sections .symtab and .strtab of elf(5). To look for two names in them
// takes a fraction of the time of [elf.File.Symbols].
type symbols struct{ table, names []byte }

func read(program []byte) (symbols, error) {
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return symbols{}, err
	}
	table, names := file.Section(".symtab"), file.Section(".strtab")
	if table == nil || names == nil {
		return symbols{}, errors.New("this program was built without a symbol table")
	}
	inside := func(s *elf.Section) []byte {
		end := min(s.Offset+s.FileSize, uint64(len(program)))
		return program[min(s.Offset, end):end]
	}
	return symbols{inside(table), inside(names)}, nil
}

// find gives the address of the variable with this name and size. Few have the size, so few
// names are looked at.
func (s symbols) find(name string, size uintptr) (address uint64, err error) {
	for t := s.table; len(t) >= elf.Sym64Size; t = t[elf.Sym64Size:] {
		// st_name, st_value and st_size of Elf64_Sym
		if binary.NativeEndian.Uint64(t[16:]) == uint64(size) && s.isNamed(binary.NativeEndian.Uint32(t), name) {
			return binary.NativeEndian.Uint64(t[8:]), nil
		}
	}
	return 0, fmt.Errorf("this program has no variable %s of %d bytes", name, size)
}

func (s symbols) isNamed(offset uint32, name string) bool {
	there := s.names[min(int(offset), len(s.names)):]
	return len(there) > len(name) && string(there[:len(name)]) == name && there[len(name)] == 0
}
