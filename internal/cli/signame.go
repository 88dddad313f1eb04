package cli

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The real-time signals of Linux on amd64 and arm64, as glibc, kill(1) and timeout(1) number
// them: the kernel's first two belong to glibc.
const (
	minRealTime = 34
	maxSignal   = 64
)

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
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	if sig, ok := realTime(name); ok {
		return sig, nil
	}
	return 0, fmt.Errorf("%q is not a signal, write TERM, SIGTERM or 15", text)
}

// realTime is the signal of RTMIN, RTMIN+n, RTMAX-n or RTMAX.
func realTime(name string) (syscall.Signal, bool) {
	if n, ok := distance(name, "RTMIN", "+"); ok {
		return minRealTime + n, true
	}
	if n, ok := distance(name, "RTMAX", "-"); ok {
		return maxSignal - n, true
	}
	return 0, false
}

// distance is how far a real-time signal is from the one with the name base.
func distance(name, base, sign string) (syscall.Signal, bool) {
	if name == base {
		return 0, true
	}
	text, ok := strings.CutPrefix(name, base+sign)
	n, err := strconv.ParseUint(text, 10, 8)
	return syscall.Signal(n), ok && err == nil && n <= maxSignal-minRealTime
}
