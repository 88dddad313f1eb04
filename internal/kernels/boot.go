//go:build linux

package kernels

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// How long a machine may say nothing: until our init runs, and then beyond the
// time that the running job has.
const (
	bootPatience = 90 * time.Second
	slack        = 30 * time.Second
)

// A Machine is what boots.
type Machine struct {
	Arch      Arch
	Image     string // the kernel
	Initramfs string
	// Processors are emulated. More than there are real ones lose their turn in the
	// middle of anything, which widens races.
	Processors int
	Patience   time.Duration // how long one job may take and say nothing
}

// Boot runs the machine to its end. The events of its init are also given to
// live, as they come. With oneThread QEMU emulates all processors in one
// thread.
func (m Machine) Boot(ctx context.Context, oneThread bool, live func(guest.Event)) (Transcript, error) {
	accel := "tcg,thread=multi"
	if oneThread {
		accel = "tcg,thread=single"
	}
	args := []string{
		"-machine", m.Arch.Machine, "-accel", accel, "-cpu", m.Arch.CPU, "-smp", strconv.Itoa(m.Processors), "-m", "1024",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-serial", "stdio", // the kernel's console
		"-chardev", "file,id=events,path=/dev/fd/3", "-device", m.Arch.Port + ",chardev=events",
		"-kernel", m.Image, "-initrd", m.Initramfs,
		"-append", strings.Join([]string{
			"console=" + m.Arch.Console, "quiet", "panic=-1", "rdinit=/init",
			// Much of the time of an emulated boot goes into these.
			"mitigations=off", "nokaslr",
			guest.ReportPort + "=" + m.Arch.Report,
		}, " "),
	}
	read, write, err := os.Pipe()
	if err != nil {
		return Transcript{}, err
	}
	defer func() { _ = read.Close() }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, m.Arch.QEMU, args...)
	var console, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &console, &complaint
	cmd.ExtraFiles = []*os.File{write}
	// If this program is killed its machine goes too. The signal comes when
	// the thread ends that started the child, hence the lock.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		return Transcript{}, fmt.Errorf("start the emulator: %w", err)
	}

	var t Transcript
	silence := time.AfterFunc(bootPatience, stop)
	err = readEvents(read, &t, func(e guest.Event) {
		silence.Reset(m.Patience + slack)
		live(e)
	})
	// The port is closed, so QEMU has ended or is about to.
	waited := cmd.Wait()
	t.Hung = !silence.Stop()
	t.Console = console.String()
	if t.Hung || err != nil {
		return t, err
	}
	if err := context.Cause(ctx); err != nil {
		return t, err
	}
	if waited != nil {
		return t, fmt.Errorf("%s: %w\n%s", m.Arch.QEMU, waited, bytes.TrimSpace(complaint.Bytes()))
	}
	return t, nil
}

// attempts is how often a machine may boot whose kernel panics or hangs before our
// init runs: QEMU's emulation in many threads sometimes makes that happen. The
// first boot is the one that is nearest to real processors.
const attempts = 3

// Run boots the machine, and once more (at most twice) if the kernel did not
// get as far as our init.
func (m Machine) Run(ctx context.Context, log *log.Logger, live func(guest.Event)) (Transcript, error) {
	for attempt := 1; ; attempt++ {
		t, err := m.Boot(ctx, attempt > 1, live)
		fate := t.Fate()
		if err != nil || fate != PanicBeforeInit && fate != HangBeforeInit || attempt == attempts {
			return t, err
		}
		log.Printf("%s: %s; boot %d of %d", m.Image, fate, attempt+1, attempts)
	}
}
