//go:build linux

// Command init is process 1 of the machines of the kernel matrix. It brings up
// what a test may expect of a Linux system, runs the jobs it finds in the
// initramfs one after the other, writes what they do to the second serial
// port, and ends the machine.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/kernels/guest"
)

func main() {
	if os.Getpid() != 1 || os.Getenv(guest.ReportPort) == "" {
		fmt.Fprintln(os.Stderr, "init: this is process 1 of a machine of the kernel matrix; anywhere else it would do harm")
		os.Exit(2)
	}
	out, err := bringUp()
	if err != nil {
		// There is no port yet: the kernel's console is all there is.
		fmt.Println("init:", err)
		powerOff()
	}
	host := &host{port: out}
	if err := run(host); err != nil {
		host.tell(guest.Event{Kind: guest.Fault, Text: err.Error()})
	}
	powerOff()
}

func run(host *host) error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Errorf("uname: %w", err)
	}
	host.tell(guest.Event{Kind: guest.Boot, Text: unix.ByteSliceToString(name.Release[:])})
	if runtime.NumCPU() < 2 {
		return errors.New("the kernel found one processor only: nothing would run at the same time")
	}
	text, err := os.ReadFile(guest.JobsPath)
	if err != nil {
		return err
	}
	var jobs []guest.Job
	if err := json.Unmarshal(text, &jobs); err != nil {
		return fmt.Errorf("%s: %w", guest.JobsPath, err)
	}
	turns := newTurns()
	for i, job := range jobs {
		host.tell(guest.Event{Kind: guest.Start, Job: i})
		job, some, err := turns.take(job)
		if err != nil {
			return err
		}
		var end guest.Event
		if some {
			end, err = perform(job, func(text string) {
				turns.hear(job, text)
				host.tell(guest.Event{Kind: guest.Output, Job: i, Text: text})
			})
		}
		if err != nil {
			return fmt.Errorf("%s as %s: %w", job.Package, job.User, err)
		}
		end.Kind, end.Job = guest.End, i
		host.tell(end)
	}
	host.tell(guest.Event{Kind: guest.Bye})
	return nil
}

// host is the far end of the serial port.
type host struct {
	mu   sync.Mutex
	port *os.File
}

func (h *host) tell(e guest.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.port.Write(e.Line()); err != nil {
		fmt.Println("init: serial port:", err)
	}
}

// powerOff does not return. Every file system is in memory, there is nothing
// to sync. To this emulator (-no-reboot) a restart is the end, and unlike
// switching off it needs no ACPI.
func powerOff() {
	err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	fmt.Println("init: restart:", err)
	os.Exit(1) // a panic of the kernel, which ends the machine as well
}
