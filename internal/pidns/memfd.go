//go:build linux && (amd64 || arm64)

package pidns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/elf"
)

const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// openProgram gives the program in a sealed file that has no name.
func openProgram() (fd int, err error) {
	fd, err = memfd("autokill")
	if err != nil {
		return -1, err
	}
	file := elf.Image(machineCode(), elf.Machine())
	n, err := unix.Write(fd, file)
	if err == nil && n < len(file) {
		err = unix.ENOSPC
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("write(memfd)", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("fcntl(F_ADD_SEALS)", err)
	}
	return fd, nil
}

// memfd makes a file that may be executed. Since Linux 6.3 that has to be asked for,
// and before it must not be.
func memfd(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	switch {
	case err == nil:
		return fd, nil
	case errors.Is(err, unix.EACCES):
		return -1, fmt.Errorf("%w: no memfd may be executed here (vm.memfd_noexec is 2): scope tree does without (%w)",
			os.NewSyscallError("memfd_create", err), errors.ErrUnsupported)
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return -1, fmt.Errorf("%w: a seccomp filter denies it: scope tree does without (%w)",
			os.NewSyscallError("memfd_create", err), errors.ErrUnsupported)
	}
	return -1, os.NewSyscallError("memfd_create", err)
}
