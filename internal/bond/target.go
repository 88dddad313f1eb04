//go:build linux && (amd64 || arm64)

package bond

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/pidfd"
)

// look gathers what decides whether a process can be attached. Numbers in /proc were its
// own if it has not ended in the meantime.
func (t *target) look() error {
	s, err := readStat(t.pid)
	if err != nil {
		return err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.pid))
	if err != nil {
		return err
	}
	t.group, t.kthread = s.group, s.kthread
	return t.parse(string(status))
}

// parse reads /proc/PID/status (proc_pid_status(5)). NSpid is there unless the kernel has
// no PID namespaces.
func (t *target) parse(status string) error {
	t.inner, t.real, t.saved = t.pid, -1, -1
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		var err error
		switch {
		case name == "Uid" && len(fields) == 4: // real, effective, saved, file system
			if t.real, err = strconv.Atoi(fields[0]); err == nil {
				t.saved, err = strconv.Atoi(fields[2])
			}
		case name == "NSpid" && len(fields) > 0: // from our PID namespace to its own
			t.inner, err = strconv.Atoi(fields[len(fields)-1])
		}
		if err != nil {
			return fmt.Errorf("/proc/%d/status: %w", t.pid, err)
		}
	}
	if t.real < 0 {
		return fmt.Errorf("/proc/%d/status does not tell the uid", t.pid)
	}
	return nil
}

// self is this program as an attacher.
func self() attacher {
	initial, known := userNamespace()
	a := attacher{
		pid: os.Getpid(), group: unix.Getpgrp(), uids: []int{os.Getuid(), os.Geteuid()},
		ownNamespace: !known || !initial,
	}
	a.root = os.Geteuid() == 0 && !a.ownNamespace
	return a
}

// examine looks at a process, or at the process group that it leads, and refuses what
// cannot be attached.
func examine(pid int, observer *pidfd.FD, s Scope) (target, error) {
	t := target{pid: pid, denied: observer.Signal(0, pidfd.ToReferent)}
	if err := needProc(); err != nil {
		return t, err
	}
	if err := t.look(); err != nil {
		return t, err
	}
	if s == ScopeProcess {
		return t, attachableAlone(t, self())
	}
	var members []target
	err := eachProcess(func(member int, s stat) {
		if s.group != pid || member == pid || s.dead() {
			return
		}
		m := target{pid: member}
		// An error means that it has ended just now.
		if m.look() == nil && m.group == pid {
			members = append(members, m)
		}
	})
	if err != nil {
		return t, err
	}
	return t, attachableGroup(t, members, self())
}
