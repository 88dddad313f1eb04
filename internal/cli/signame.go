package cli

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSignal is SIGRTMAX of Linux on amd64 and arm64.
const maxSignal = 64

// signalFlag is the value of a flag: a signal by name, with or without SIG, or by
// number.
type signalFlag syscall.Signal

func (s *signalFlag) Set(text string) error {
	sig, err := parseSignal(text)
	if err == nil {
		*s = signalFlag(sig)
	}
	return err
}

// String is a name, or the number of a signal that has none.
func (s *signalFlag) String() string {
	if name := unix.SignalName(syscall.Signal(*s)); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return strconv.Itoa(int(*s))
}

// Type is what the help calls the value.
func (s *signalFlag) Type() string { return "SIG" }

func parseSignal(text string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= maxSignal {
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("%q is not a signal, write TERM, SIGTERM or 15", text)
}
