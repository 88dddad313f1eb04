//go:build amd64 || arm64

package sigign

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
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
	file, err := elf.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	symbols, err := read(file)
	if err != nil {
		return nil, err
	}
	here, err := symbols.find(anchorName, uint64(unsafe.Sizeof(anchor)))
	if err != nil {
		return nil, err
	}
	there, err := symbols.find(name, uint64(size))
	if err != nil {
		return nil, err
	}
	return unsafe.Add(unsafe.Pointer(&anchor), int(there-here)), nil
}

// symbols are the sections .symtab and .strtab of elf(5). To look for two names in them
// takes a fraction of the time of [elf.File.Symbols].
type symbols struct {
	*elf.File
	table, names []byte
}

func read(file *elf.File) (symbols, error) {
	table, names := file.Section(".symtab"), file.Section(".strtab")
	if table == nil || names == nil {
		return symbols{}, errors.New("this program was built without a symbol table")
	}
	t, err := table.Data()
	if err != nil {
		return symbols{}, err
	}
	n, err := names.Data()
	return symbols{file, t, n}, err
}

// find gives the address of the variable with this name and size.
func (s symbols) find(name string, size uint64) (address uint64, err error) {
	offset := bytes.Index(s.names, []byte("\x00"+name+"\x00")) + 1
	for t := s.table; offset > 0 && len(t) >= elf.Sym64Size; t = t[elf.Sym64Size:] {
		// st_name, st_value and st_size of Elf64_Sym
		if s.ByteOrder.Uint32(t) == uint32(offset) && s.ByteOrder.Uint64(t[16:]) == size {
			return s.ByteOrder.Uint64(t[8:]), nil
		}
	}
	return 0, fmt.Errorf("this program has no variable %s of %d bytes", name, size)
}
