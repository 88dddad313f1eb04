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

// anchor is a variable whose address is known, to compare the symbol table with: a
// position independent program is not where its table says.
var anchor byte

const (
	anchorName = "github.com/autokill/autokill/internal/sigign.anchor"
	fwdSigName = "runtime.fwdSig"
)

// Ignored are the signals that were ignored at the start of the program. An error wraps
// errors.ErrUnsupported.
func Ignored() ([]syscall.Signal, error) {
	file, err := elf.Open("/proc/self/exe")
	if err != nil {
		return nil, unknown(err)
	}
	defer file.Close()
	symbols, err := read(file)
	if err != nil {
		return nil, unknown(err)
	}
	here, err := symbols.find(anchorName, uint64(unsafe.Sizeof(anchor)))
	if err != nil {
		return nil, unknown(err)
	}
	there, err := symbols.find(fwdSigName, uint64(unsafe.Sizeof(dispositions{})))
	if err != nil {
		return nil, unknown(err)
	}
	found := (*dispositions)(unsafe.Add(unsafe.Pointer(&anchor), int(there-here)))
	var ignored []syscall.Signal
	for sig, handler := range found {
		if handler == sigIgn {
			ignored = append(ignored, syscall.Signal(sig))
		}
	}
	return ignored, nil
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

func unknown(err error) error {
	return fmt.Errorf("which signals were ignored at the start is not known: %w (%w)", err, errors.ErrUnsupported)
}
