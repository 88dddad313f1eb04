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
	CPU     string // QEMU's processor
	Console string // the kernel's serial port
	Port    string // QEMU's device for the port of our init
	Report  string // its name in the machine
}

var arches = []Arch{{
	Name:    "amd64",
	Flavour: "cloud-amd64",
	QEMU:    "qemu-system-x86_64",
	Package: "qemu-system-x86",
	Machine: "pc",
	CPU:     "max",
	Console: "ttyS0",
	Port:    "isa-serial",
	Report:  "/dev/ttyS1",
}, {
	Name:    "arm64",
	Flavour: "cloud-arm64",
	QEMU:    "qemu-system-aarch64",
	Package: "qemu-system-arm",
	Machine: "virt",
	// The architecture's own way to sign pointers is slow to emulate.
	CPU:     "max,pauth-impdef=on",
	Console: "ttyAMA0",
	// Before 9.1 QEMU's machine has but one port for Linux. The kernel counts
	// this one apart: its driver is another.
	Port:   "pci-serial",
	Report: "/dev/ttyS0",
}}

// FindArch looks an architecture up by its name.
func FindArch(name string) (Arch, error) {
	for _, a := range arches {
		if a.Name == name {
			return a, nil
		}
	}
	return Arch{}, fmt.Errorf("no architecture %q: there are amd64, arm64", name)
}
