package kernels

import (
	"bytes"
	"context"
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
// do.
func Needs(ctx context.Context, arch Arch, log *log.Logger) error {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: the kernels are Debian packages, and there is no %s: use a Debian machine or container", ErrNeeds, program)
		}
	}
	if _, err := exec.LookPath(arch.QEMU); err == nil {
		return nil
	}
	install := []string{"install", "--yes", "--no-install-recommends", arch.Package}
	command := "apt-get " + strings.Join(install, " ")
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it needs a package that only root can install. Run: sudo %s", ErrNeeds, command)
	}
	log.Printf("installing what is missing: %s", command)
	if err := apt(ctx, install...); err != nil {
		// Images of containers come without package lists.
		log.Print("apt-get update, and once more")
		if err := errors.Join(apt(ctx, "update"), apt(ctx, install...)); err != nil {
			return fmt.Errorf("%w: %w", ErrNeeds, err)
		}
	}
	return nil
}

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}
