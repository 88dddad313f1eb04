//go:build linux && (amd64 || arm64)

package bond

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// stat is the part of /proc/PID/stat (proc_pid_stat(5)) that is asked for here.
type stat struct {
	state   string
	parent  int
	group   int
	kthread bool
	threads int
}

// dead is false for a process whose first thread has ended and another has not.
func (s stat) dead() bool { return (s.state == "Z" || s.state == "X") && s.threads <= 1 }

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(b)
}

// parseStat begins behind the name, which is in parentheses and may hold anything.
func parseStat(b []byte) (stat, error) {
	const state, parent, group, flags, threads = 0, 1, 2, 6, 17 // fields 3, 4, 5, 9 and 20 of the man page
	const kthread = 0x00200000                                  // PF_KTHREAD of include/linux/sched.h
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) <= threads {
		return stat{}, fmt.Errorf("/proc/PID/stat is %q", b)
	}
	s := stat{state: string(fields[state])}
	var parentErr, groupErr, threadsErr error
	bits, flagsErr := strconv.ParseUint(string(fields[flags]), 10, 64)
	s.kthread = bits&kthread != 0
	s.parent, parentErr = strconv.Atoi(string(fields[parent]))
	s.group, groupErr = strconv.Atoi(string(fields[group]))
	s.threads, threadsErr = strconv.Atoi(string(fields[threads]))
	return s, errors.Join(parentErr, groupErr, flagsErr, threadsErr)
}

// needProc is an error where /proc is not that of our PID namespace.
func needProc() error {
	if !ownProc() {
		return unsupported("needs /proc of this program's PID namespace")
	}
	return nil
}

// ownProc says whether /proc is that of our PID namespace: another's has other numbers.
func ownProc() bool {
	self, err := os.Readlink("/proc/self")
	return err == nil && self == strconv.Itoa(os.Getpid())
}

// eachProcess calls with every process that /proc shows. Those of other users may be
// hidden (proc(5), hidepid).
func eachProcess(call func(pid int, s stat)) error {
	if err := needProc(); err != nil {
		return err
	}
	names, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name.Name())
		if err != nil {
			continue
		}
		// An error means that it has ended just now.
		if s, err := readStat(pid); err == nil {
			call(pid, s)
		}
	}
	return nil
}
