//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// grace is how long what a job has killed may take to be gone, and how long
// its output may take to end after that. Emulated processors are slow.
const grace = 5 * time.Second

// perform runs a job to its end, reaps what it orphans meanwhile, and answers
// how it ended and who outlived it. Nobody outlives perform: survivors are
// killed. An error means that the job could not be judged.
func perform(job guest.Job, output func(string)) (guest.Event, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return guest.Event{}, err
	}
	defer func() { _ = read.Close() }()
	began := time.Now()
	pid, err := start(job, write)
	_ = write.Close()
	if err != nil {
		return guest.Event{Exit: err.Error()}, nil
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		forward(read, output)
	}()

	// The pid cannot be recycled under the timer: only await reaps, and it
	// stops the timer before anything else can be started.
	late := time.AfterFunc(job.Timeout, func() { _ = unix.Kill(pid, unix.SIGKILL) })
	status, err := await(pid)
	if err != nil {
		return guest.Event{}, err
	}
	end := guest.Event{Elapsed: time.Since(began), Exit: describe(status)}
	if !late.Stop() {
		end.Exit = fmt.Sprintf("killed after its timeout of %v", job.Timeout)
	}

	left, err := settle(grace)
	if err != nil {
		return guest.Event{}, err
	}
	for _, p := range left {
		end.Survivors = append(end.Survivors, p.String())
	}
	if len(left) > 0 {
		if err := killAll(); err != nil {
			return guest.Event{}, err
		}
	}
	select {
	case <-copied:
		return end, nil
	case <-time.After(grace):
		return guest.Event{}, errors.New("its output did not end although no process is left")
	}
}

// start runs the job's binary in a session of its own. For an ordinary user
// setuid drops every capability.
func start(job guest.Job, output *os.File) (int, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer func() { _ = null.Close() }()
	pid, err := syscall.ForkExec(job.Path, append([]string{job.Path}, job.Args...), &syscall.ProcAttr{
		Dir:   job.Dir,
		Env:   job.Env,
		Files: []uintptr{null.Fd(), output.Fd(), output.Fd()},
		Sys: &syscall.SysProcAttr{
			Setsid:     true,
			Credential: &syscall.Credential{Uid: job.UID, Gid: job.GID},
		},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", job.Path, err)
	}
	return pid, nil
}

// await reaps whoever ends until the process with that pid has.
func await(pid int) (unix.WaitStatus, error) {
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, fmt.Errorf("wait4: %w", err)
		case ended == pid:
			return status, nil
		}
	}
}

func describe(status unix.WaitStatus) string {
	switch {
	case status.Signaled():
		return fmt.Sprintf("killed by %v", status.Signal())
	case status.ExitStatus() != 0:
		return fmt.Sprintf("exit status %d", status.ExitStatus())
	default:
		return ""
	}
}

// forward hands on whole lines, or as much of a long one as the buffer holds:
// a character is not torn in two where a line is short.
func forward(read io.Reader, output func(string)) {
	lines := bufio.NewReaderSize(read, 32<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			output(string(line))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
