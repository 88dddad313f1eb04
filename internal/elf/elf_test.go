package elf_test

import (
	"bytes"
	"debug/elf"
	"testing"

	ownelf "github.com/autokill/autokill/internal/elf"
)

func TestImage(t *testing.T) {
	code := []byte("some code")
	file := ownelf.Image(code, uint16(elf.EM_AARCH64))
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_EXEC || f.Machine != elf.EM_AARCH64 || f.Class != elf.ELFCLASS64 || len(f.Progs) != 2 {
		t.Fatalf("%v with %d segments", f.FileHeader, len(f.Progs))
	}
	load, stack := f.Progs[0], f.Progs[1]
	if load.Type != elf.PT_LOAD || load.Flags != elf.PF_R|elf.PF_X || load.Off != 0 || load.Filesz != uint64(len(file)) || load.Memsz != load.Filesz {
		t.Errorf("the code is loaded by %+v", load.ProgHeader)
	}
	if at := f.Entry - load.Vaddr; string(file[at:]) != string(code) {
		t.Errorf("it begins at %#x with %q", at, file[at:])
	}
	if stack.Type != elf.PT_GNU_STACK || stack.Flags != elf.PF_R|elf.PF_W {
		t.Errorf("the stack is %+v", stack.ProgHeader)
	}
}
