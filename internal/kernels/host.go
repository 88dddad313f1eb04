//go:build linux

package kernels

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// nobody is the ordinary user on this machine.
const nobody = 65534

// HostJobs is the list of jobs for this machine: every binary as root and as an
// ordinary user, or as whoever we are. Who is asked for and cannot be had has none.
func (s Suite) HostJobs() []guest.Job {
	who := []user{{name: "root"}, {name: "user", id: nobody}}
	if os.Geteuid() != 0 {
		who = []user{{name: "user", id: uint32(os.Geteuid())}}
	}
	var jobs []guest.Job
	for _, u := range s.asked(who) {
		for _, b := range s.Binaries.Tests {
			jobs = append(jobs, guest.Job{
				Package: b.Package, User: u.name, UID: u.id, GID: u.id,
				Path: b.File, Args: s.args(), Env: append(os.Environ(), s.Env...),
				Dir:     filepath.Join(s.Binaries.Root, filepath.FromSlash(b.Dir)),
				Timeout: s.patience(),
			})
		}
	}
	return jobs
}

// RunHost runs jobs here, one after the other, and tells of them as a machine
// would. What outlives a job is not looked for: here are other processes, too,
// and the tests look for their own.
func RunHost(ctx context.Context, jobs []guest.Job, live func(guest.Event)) (Transcript, error) {
	var t Transcript
	tell := func(e guest.Event) {
		t.Events = append(t.Events, e)
		live(e)
	}
	tell(guest.Event{Kind: guest.Boot, Text: HostRelease()})
	for i, job := range jobs {
		tell(guest.Event{Kind: guest.Start, Job: i})
		began := time.Now()
		exit, err := runHere(ctx, job, func(text string) {
			tell(guest.Event{Kind: guest.Output, Job: i, Text: text})
		})
		if err != nil {
			return t, err
		}
		tell(guest.Event{Kind: guest.End, Job: i, Exit: exit, Elapsed: time.Since(began)})
	}
	tell(guest.Event{Kind: guest.Bye})
	return t, ctx.Err()
}

// HostRelease is what this machine's kernel calls itself, without what its
// builder has added.
func HostRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return Host
	}
	release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
	return release
}

func runHere(ctx context.Context, job guest.Job, output func(string)) (exit string, err error) {
	home, err := os.MkdirTemp("", "autokill-home-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(home) }()
	ctx, stop := context.WithTimeout(ctx, job.Timeout)
	defer stop()
	cmd := exec.CommandContext(ctx, job.Path, job.Args...)
	cmd.Dir = job.Dir
	cmd.Env = job.Env
	if int(job.UID) != os.Geteuid() {
		if err := os.Chown(home, int(job.UID), int(job.GID)); err != nil {
			return "", err
		}
		cmd.Env = append(cmd.Env, "HOME="+home, "TMPDIR="+home)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: job.UID, Gid: job.GID}}
	}
	read, write, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer func() { _ = read.Close() }()
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		return "", fmt.Errorf("start %s: %w", job.Path, err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		lines := bufio.NewReader(read)
		for {
			line, err := lines.ReadString('\n')
			if line != "" {
				output(line)
			}
			if err != nil {
				return
			}
		}
	}()
	waited := cmd.Wait()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		exit = fmt.Sprintf("killed after its timeout of %v", job.Timeout)
	} else if waited != nil {
		exit = waited.Error()
	}
	// Who survives may still write.
	if err := read.SetReadDeadline(time.Now().Add(slack)); err != nil {
		return "", err
	}
	<-copied
	return exit, nil
}
