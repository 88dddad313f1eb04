//go:build linux && (amd64 || arm64)

package clone

import (
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// compile turns a request into the vector. It makes no system call. A signal
// mask is restored from *mask as the last step before the execve: until then the
// child takes no signal but SIGKILL and SIGSTOP. dispositions is empty where
// CLONE_CLEAR_SIGHAND does that work. gate is the read end of the pipe by which the
// caller lets the child go on when its maps are written, or noGate. Strings go into m.
//
// The order matters:
//
//   - The prologue is first: it may need every descriptor of the caller.
//   - A table that is shared is left at once when the prologue is done: from then on all
//     changes are to the child's own.
//   - close_range comes before whatever can block (the gate, waits, chroot, chdir, execve):
//     a child that is stuck with copies of other handles would delay their kill.
//   - The gate comes before all that needs ids, and the namespaces before chroot.
//   - The confinement comes before the credentials: without no_new_privs a seccomp
//     filter needs those of the caller.
//   - The credentials come after chroot, which needs them, and before chdir,
//     which is to be judged by the new ones.
//   - PR_SET_PDEATHSIG comes after the credentials, which clear it.
func compile(r *Request, gate int, mask *uint64, dispositions []disposition, m *memory, steps []Step) ([]Step, error) {
	add := func(s Step) { steps = append(steps, s) }

	if r.NoNewPrivs {
		add(Step{
			Name: "prctl(PR_SET_NO_NEW_PRIVS)", Nr: unix.SYS_PRCTL,
			Args: [6]Arg{Int(unix.PR_SET_NO_NEW_PRIVS), Int(1)},
		})
	}
	steps = append(steps, r.Prologue...)

	if r.Setsid {
		add(Step{Name: "setsid", Nr: unix.SYS_SETSID})
	}
	if r.Setpgid {
		add(Step{Name: "setpgid", Nr: unix.SYS_SETPGID, Args: [6]Arg{Int(0), Int(r.Pgid)}})
	}
	if r.Foreground {
		group := new(int32)
		add(Step{Name: "getpgid", Nr: unix.SYS_GETPGID, Args: [6]Arg{Int(0)}, Result: group})
		add(Step{
			Name: "ioctl(TIOCSPGRP)", Nr: unix.SYS_IOCTL,
			Args: [6]Arg{Int(r.Ctty), Int(unix.TIOCSPGRP), Addr(group)},
		})
	}

	if r.Shared {
		add(leaveTable(r.Files))
	}
	if gate == noGate {
		steps = Inherit(steps, r.Files)
	} else {
		n := len(r.Files)
		steps = append(Inherit(steps, append(slices.Clip(r.Files), gate)), pass(n)...)
	}
	steps = append(steps, r.Waits...)

	if r.Unshare != 0 {
		add(Step{Name: "unshare", Nr: unix.SYS_UNSHARE, Args: [6]Arg{Int(int(r.Unshare))}})
		if r.Unshare&unix.CLONE_NEWNS != 0 {
			add(privateMounts())
		}
	}
	steps = append(steps, r.Confinement...)
	if r.Chroot != "" {
		root, err := m.path("chroot", r.Chroot)
		if err != nil {
			return nil, err
		}
		add(Step{Name: "chroot", Path: r.Chroot, Nr: unix.SYS_CHROOT, Args: [6]Arg{Addr(root)}})
	}
	if len(r.Ambient) > 0 {
		add(keepCapabilities())
	}
	if c := r.Credential; c != nil {
		steps = append(steps, become(c)...)
	}
	if r.Capabilities != nil {
		add(capset(r.Capabilities))
	}
	for _, capability := range r.Ambient {
		add(raiseAmbient(capability))
	}
	if r.Dir != "" {
		dir, err := m.path("chdir", r.Dir)
		if err != nil {
			return nil, err
		}
		add(Step{Name: "chdir", Path: r.Dir, Nr: unix.SYS_CHDIR, Args: [6]Arg{Addr(dir)}})
	}
	if r.Pdeathsig != 0 {
		add(Step{
			Name: "prctl(PR_SET_PDEATHSIG)", Nr: unix.SYS_PRCTL,
			Args: [6]Arg{Int(unix.PR_SET_PDEATHSIG), Int(r.Pdeathsig)},
		})
	}
	if r.Noctty {
		add(Step{Name: "ioctl(TIOCNOTTY)", Nr: unix.SYS_IOCTL, Args: [6]Arg{Int(0), Int(unix.TIOCNOTTY)}})
	}
	if r.Setctty {
		add(Step{Name: "ioctl(TIOCSCTTY)", Nr: unix.SYS_IOCTL, Args: [6]Arg{Int(r.Ctty), Int(unix.TIOCSCTTY), Int(1)}})
	}
	if r.Nofile != nil {
		add(Step{
			Name: "prlimit64(RLIMIT_NOFILE)", Nr: unix.SYS_PRLIMIT64,
			Args: [6]Arg{Int(0), Int(unix.RLIMIT_NOFILE), Addr(r.Nofile)},
		})
	}
	steps = append(steps, r.Epilogue...)
	for i := range dispositions {
		add(dispositions[i].step())
	}
	add(Step{
		Name: "rt_sigprocmask", Nr: unix.SYS_RT_SIGPROCMASK,
		Args: [6]Arg{Int(unix.SIG_SETMASK), Addr(mask), Int(0), Int(8)},
	})

	if r.Ptrace {
		add(Step{Name: "ptrace(PTRACE_TRACEME)", Nr: unix.SYS_PTRACE, Args: [6]Arg{Int(unix.PTRACE_TRACEME)}})
	}

	exec, err := execve(r, m)
	if err != nil {
		return nil, err
	}
	return append(steps, exec), nil
}

// privateMounts keeps what the child mounts from being seen outside. A new mount
// namespace alone does not where / is shared (mount_namespaces(7)).
func privateMounts() Step {
	none, root := []byte("none\x00"), []byte("/\x00")
	return Step{
		Name: "mount(MS_PRIVATE)", Nr: unix.SYS_MOUNT,
		Args: [6]Arg{Addr(&none[0]), Addr(&root[0]), Int(0), Int(unix.MS_REC | unix.MS_PRIVATE)},
	}
}

func execve(r *Request, m *memory) (Step, error) {
	if len(r.Argv) == 0 {
		// Linux 5.18 starts such a program with argv[0] = "", older kernels with
		// none at all, which set-user-ID programs were caught out by.
		return Step{}, &fs.PathError{Op: "execve", Path: r.Path, Err: fmt.Errorf("argv is empty: %w", syscall.EINVAL)}
	}
	path, err := m.path("execve", r.Path)
	if err != nil {
		return Step{}, err
	}
	argv, err := m.addAll(r.Argv)
	if err != nil {
		return Step{}, &fs.PathError{Op: "execve: argument with a NUL byte", Path: r.Path, Err: err}
	}
	env, err := m.addAll(r.Env)
	if err != nil {
		return Step{}, &fs.PathError{Op: "execve: environment with a NUL byte", Path: r.Path, Err: err}
	}
	return Step{
		Name: "execve", Path: r.Path, Nr: unix.SYS_EXECVE,
		Args: [6]Arg{Addr(path), Addr(argv), Addr(env)},
	}, nil
}
