package cli

import "syscall"

// systemSignals are those that other systems do not have: power failure, and the
// real-time ones. 32 to 34 belong to the C library and Go's runtime.
func systemSignals() []syscall.Signal {
	all := []syscall.Signal{syscall.SIGPWR}
	for sig := syscall.Signal(35); sig <= maxSignal; sig++ {
		all = append(all, sig)
	}
	return all
}
