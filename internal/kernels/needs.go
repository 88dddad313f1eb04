package kernels

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
)

// ErrNeeds is in the chain of an error that says which packages this machine
// lacks.
var ErrNeeds = errors.New("the kernel matrix cannot run here")

// Needs installs what is missing where it may, and otherwise answers what to
// do. It returns the path of a static busybox.
func Needs(ctx context.Context, arch Arch, log *log.Logger) (busybox string, err error) {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w: the kernels are Debian packages, and there is no %s: use a Debian machine or container", ErrNeeds, program)
		}
	}
	missing := lacking(arch)
	if len(missing) == 0 {
		return staticBusybox()
	}
	install := append([]string{"install", "--yes", "--no-install-recommends"}, missing...)
	command := "apt-get " + strings.Join(install, " ")
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("%w: it needs packages that only root can install. Run: sudo %s", ErrNeeds, command)
	}
	log.Printf("installing what is missing: %s", command)
	if err := apt(ctx, install...); err != nil {
		// Images of containers come without package lists.
		log.Print("apt-get update, and once more")
		if err := errors.Join(apt(ctx, "update"), apt(ctx, install...)); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNeeds, err)
		}
	}
	return staticBusybox()
}

// lacking lists the packages whose programs are not there.
func lacking(arch Arch) []string {
	var missing []string
	if _, err := exec.LookPath(arch.QEMU); err != nil {
		missing = append(missing, arch.Package)
	}
	if _, err := staticBusybox(); err != nil {
		missing = append(missing, "busybox-static")
	}
	return missing
}

// staticBusybox finds a busybox that runs without shared libraries. The
// package busybox has the same file name but is linked dynamically.
func staticBusybox() (string, error) {
	name, err := exec.LookPath("busybox")
	if err != nil {
		return "", err
	}
	file, err := elf.Open(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s needs shared libraries", name)
		}
	}
	return name, nil
}

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}
