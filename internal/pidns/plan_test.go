//go:build linux && (amd64 || arm64)

package pidns

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
)

func names(task *clone.Task) string {
	var all []string
	for _, s := range task.Steps {
		all = append(all, s.Name)
	}
	return strings.Join(all, " ")
}

// TestPlan holds the order of the steps: the reasons are in steps.go.
func TestPlan(t *testing.T) {
	const (
		guard   = "prctl(PR_SET_PDEATHSIG) wait4 ppoll(monitor) "
		command = "rt_sigaction clone setsid dup3 dup3 dup3 close_range "
		maps    = "openat write openat write openat write "
		end     = "mount(MS_SLAVE) mount(proc) chdir fcntl(F_SETFD) execveat"
		monitor = " setpgid dup3 close_range chdir fcntl(F_SETFD) execveat"
	)
	tests := []struct {
		name    string
		options Options
		flags   uint64 // of the caller's clone, beyond those that were asked for
		tasks   []string
	}{
		{"native", Options{}, namespaces, []string{command + end}},
		{"native with a user namespace", Options{UserNamespace: true}, namespaces | unix.CLONE_NEWUSER, []string{command + maps + end}},
		{"tripwire", Options{Monitor: true}, 0, []string{"getpid pidfd_open " + stepForkInit + monitor, guard + command + end}},
		{
			"tripwire with a user namespace",
			Options{Monitor: true, UserNamespace: true},
			0,
			[]string{"getpid pidfd_open " + stepForkUser + monitor, guard + command + maps + end},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &clone.Request{Flags: unix.CLONE_INTO_CGROUP | unix.CLONE_NEWNET, Files: []int{0, 1, 2}}
			plan(r, tt.options, &processes{control: 7, ready: 8, program: 9}, 1000, 100)
			want := tt.flags | unix.CLONE_INTO_CGROUP
			if !tt.options.Monitor {
				want |= unix.CLONE_NEWNET
			}
			if r.Flags != want {
				t.Errorf("the caller clones with %#x, want %#x", r.Flags, want)
			}
			var got []string
			for _, task := range r.Ancestors {
				got = append(got, names(task))
			}
			if !slices.Equal(got, tt.tasks) {
				t.Errorf("got  %q\nwant %q", got, tt.tasks)
			}
			if got, want := names(&clone.Task{Steps: r.Prologue}), "rt_sigaction pidfd_open pidfd_open sendmsg(command)"; got != want {
				t.Errorf("the command begins with %q, want %q", got, want)
			}
			if got, want := names(&clone.Task{Steps: r.Waits}), stepReady+" close"; got != want {
				t.Errorf("the command waits by %q, want %q", got, want)
			}
			if want := []int{0, 1, 2, 8}; !slices.Equal(r.Files, want) || r.Waits[0].Args[0] != clone.Int(3) {
				t.Errorf("the command has the files %v, want %v, and waits at another than the last: %v", r.Files, want, r.Waits)
			}
		})
	}
}

// TestLeave: the init is in the session of a command that has left the caller's group.
func TestLeave(t *testing.T) {
	for want, requests := range map[string][]clone.Request{
		"setsid":  {{}},
		"setpgid": {{Setpgid: true}, {Foreground: true}, {Setsid: true}},
	} {
		for _, r := range requests {
			if got := leave(&r).Name; got != want {
				t.Errorf("Setpgid %t, Foreground %t, Setsid %t: %s, want %s", r.Setpgid, r.Foreground, r.Setsid, got, want)
			}
		}
	}
}

// TestPlanChroot: the command's own /proc is where it will see it.
func TestPlanChroot(t *testing.T) {
	for chroot, want := range map[string]string{"": "/proc", "/": "/proc", "/srv/root": "/srv/root/proc", "root": "root/proc"} {
		r := &clone.Request{Chroot: chroot}
		plan(r, Options{}, new(processes), 0, 0)
		steps := r.Ancestors[0].Steps
		i := slices.IndexFunc(steps, func(s clone.Step) bool { return s.Name == stepProc })
		if got := steps[i].Path; got != want {
			t.Errorf("with root %q, /proc is mounted at %q, want %q", chroot, got, want)
		}
	}
}
