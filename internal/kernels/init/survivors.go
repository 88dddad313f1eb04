//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A process is one line of /proc/PID/stat, as far as it matters here. See
// proc_pid_stat(5).
type process struct {
	pid     int
	name    string
	state   string
	parent  int
	threads int
	flags   uint64
}

func (p process) String() string {
	return fmt.Sprintf("%s (pid %d, parent %d, state %s)", p.name, p.pid, p.parent, p.state)
}

// kernelThread is PF_KTHREAD of include/linux/sched.h.
const kernelThread = 0x00200000

// alive reports whether the process can still run. In state Z a process is
// dead, unless only its leader is and other threads go on.
func (p process) alive() bool {
	return p.flags&kernelThread == 0 && (p.state != "Z" && p.state != "X" || p.threads > 1)
}

// parseStat reads /proc/PID/stat. The name stands in parentheses and may hold
// anything, further parentheses included.
func parseStat(stat string) (process, error) {
	open, shut := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || shut < open {
		return process{}, fmt.Errorf("stat without a name: %q", stat)
	}
	rest := strings.Fields(stat[shut+1:])
	if len(rest) < 18 {
		return process{}, fmt.Errorf("stat of %d fields: %q", len(rest), stat)
	}
	pid, e1 := strconv.Atoi(strings.TrimSpace(stat[:open]))
	parent, e2 := strconv.Atoi(rest[1])
	flags, e3 := strconv.ParseUint(rest[6], 10, 64)
	threads, e4 := strconv.Atoi(rest[17])
	if err := errors.Join(e1, e2, e3, e4); err != nil {
		return process{}, err
	}
	return process{
		pid: pid, name: stat[open+1 : shut], state: rest[0],
		parent: parent, threads: threads, flags: flags,
	}, nil
}

// living lists the processes that can still run, without the kernel's threads
// and without this process.
func living() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // gone since the directory was read
		}
		if err != nil {
			return nil, err
		}
		p, err := parseStat(string(stat))
		if err != nil {
			return nil, err
		}
		if !p.alive() {
			continue
		}
		if line, err := os.ReadFile("/proc/" + entry.Name() + "/cmdline"); err == nil && len(line) > 0 {
			p.name = string(bytes.TrimSpace(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
		all = append(all, p)
	}
	return all, nil
}

// settle waits until no process is left, at most for the given time, and
// answers those that are: they were not killed, or cannot die. It waits on
// process descriptors and not in wait4, which says nothing about grandchildren
// nor about children that the kernel reaps by itself.
func settle(limit time.Duration) ([]process, error) {
	deadline := time.Now().Add(limit)
	for {
		left, err := living()
		if err != nil || len(left) == 0 {
			return nil, errors.Join(err, reap())
		}
		patience := time.Until(deadline)
		if patience <= 0 {
			return left, nil
		}
		if err := awaitOne(left, patience); err != nil {
			return nil, err
		}
		if err := reap(); err != nil {
			return nil, err
		}
	}
}

// awaitOne returns when one of the processes has ended, or the time is over.
func awaitOne(all []process, limit time.Duration) error {
	var polled []unix.PollFd
	defer func() {
		for _, p := range polled {
			_ = unix.Close(int(p.Fd))
		}
	}()
	for _, p := range all {
		fd, err := unix.PidfdOpen(p.pid, 0)
		if err == unix.ESRCH {
			return nil
		}
		if err != nil {
			return fmt.Errorf("pidfd_open: %w", err)
		}
		polled = append(polled, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	// Rounded up: a wait of 0 ms would spin.
	if _, err := unix.Poll(polled, int(limit.Milliseconds())+1); err != nil && err != unix.EINTR {
		return fmt.Errorf("poll: %w", err)
	}
	return nil
}

// reap takes the exit status of every orphan that has ended.
func reap() error {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WALL|unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
		case err == unix.ECHILD, err == nil && pid == 0:
			return nil
		case err != nil:
			return fmt.Errorf("wait4: %w", err)
		}
	}
}

// killAll kills every process but this one, so that the next job starts alone.
func killAll() error {
	if err := unix.Kill(-1, unix.SIGKILL); err != nil && err != unix.ESRCH {
		return fmt.Errorf("kill the survivors: %w", err)
	}
	left, err := settle(grace)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%v does not die of SIGKILL", left[0])
	}
	return err
}
