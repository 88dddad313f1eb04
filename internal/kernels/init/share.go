//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// turns remembers of each test binary what its tests are, and what its last turn skipped.
type turns struct{ tests, skipped map[string][]string }

func newTurns() turns { return turns{map[string][]string{}, map[string][]string{}} }

// take makes the job run its share of the tests. There may be none.
func (t turns) take(job guest.Job) (mine guest.Job, some bool, err error) {
	if job.Share == nil {
		return job, true, nil
	}
	all, known := t.tests[job.Path]
	if !known { // to start a program takes long in an emulated machine
		if all, err = tests(job); err != nil {
			return job, false, err
		}
		t.tests[job.Path] = all
	}
	chosen := job.Share.Tests(all, t.skipped[job.Path])
	delete(t.skipped, job.Path)
	job.Args = append(job.Args, "-test.run="+guest.Run(chosen))
	job.Env = append(job.Env, guest.ShareVariable+"="+job.Share.String())
	return job, len(chosen) > 0, nil
}

// hear reads in the output of a job what it skips.
func (t turns) hear(job guest.Job, line string) {
	if name := guest.Skipped(line); name != "" {
		t.skipped[job.Path] = append(t.skipped[job.Path], name)
	}
}

// tests asks a binary for the names of its tests, as the job's user.
func tests(job guest.Job) ([]string, error) {
	list := exec.Command(job.Path, "-test.list=.")
	list.Dir, list.Env = job.Dir, job.Env
	list.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: job.UID, Gid: job.GID}}
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("the list of tests of %s: %w", job.Package, err)
	}
	return strings.Fields(string(out)), nil
}
