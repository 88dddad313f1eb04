package kernels

import "fmt"

// An Arch is a processor architecture: what its packages, its emulator and its
// serial ports are called.
type Arch struct {
	Name    string // as Go and Debian call it
	Flavour string // the kernel package's flavour: the smallest there is
	QEMU    string // the emulator's program
	Package string // the Debian package with that program
	Machine string // QEMU's machine type
	Console string // the kernel's serial port
	Report  string // the port of our init
}

var arches = []Arch{{
	Name:    "amd64",
	Flavour: "cloud-amd64",
	QEMU:    "qemu-system-x86_64",
	Package: "qemu-system-x86",
	Machine: "pc",
	Console: "ttyS0",
	Report:  "/dev/ttyS1",
}}

// FindArch looks an architecture up by its name.
func FindArch(name string) (Arch, error) {
	for _, a := range arches {
		if a.Name == name {
			return a, nil
		}
	}
	return Arch{}, fmt.Errorf("no architecture %q: there is amd64", name)
}
