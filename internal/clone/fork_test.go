//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// withParent puts a process between us and the child: it forks the child, waits for
// it, and becomes true.
func withParent(t *testing.T, r *Request) {
	t.Helper()
	end, err := execve(&Request{Path: "/bin/true", Argv: []string{"true"}}, new(memory))
	if err != nil {
		t.Fatal(err)
	}
	r.Child = new(Task)
	r.Ancestors = []*Task{{Steps: []Step{
		r.Child.Fork("fork", uint64(unix.SIGCHLD)),
		{Name: "wait4", Nr: unix.SYS_WAIT4, Args: [6]Arg{r.Child.Pid(), Int(0), Int(unix.WALL)}},
		end,
	}}}
}

func TestFork(t *testing.T) {
	var self *Self
	parent := new(int32)
	output(t, "echo $PPID", func(r *Request) {
		self = new(Self)
		withParent(t, r)
		r.Self = self
		r.Ancestors[0].Steps = append([]Step{{Name: "getpid", Nr: unix.SYS_GETPID, Result: parent}}, r.Ancestors[0].Steps...)
	}, func(t *testing.T, out string, status syscall.WaitStatus) {
		if want := fmt.Sprintln(*parent); out != want {
			t.Errorf("the child's parent is %q, want %q", out, want)
		}
		if status != 0 || self.Pid != 0 {
			t.Errorf("the parent ended with %#x, its word is %d", status, self.Pid)
		}
	})
}

func TestForkFailures(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Request)
		want   string
		err    error
	}{
		{"in the child", func(r *Request) { r.Path = "/no/such/file" }, "execve /no/such/file", syscall.ENOENT},
		{"in the fork", func(r *Request) { r.Ancestors[0].Steps[0] = r.Child.Fork("fork", unix.CLONE_THREAD) }, "fork", syscall.EINVAL},
		{
			"after the fork",
			func(r *Request) { r.Ancestors[0].Steps[1].Nr, r.Ancestors[0].Steps[1].Name = ^uintptr(0), "nothing" },
			"nothing", syscall.ENOSYS,
		},
		{
			"the child is killed",
			func(r *Request) {
				r.Prologue = []Step{{Name: "kill", Nr: unix.SYS_KILL, Args: [6]Arg{r.Child.Pid(), Int(int(unix.SIGKILL))}}}
			},
			"kill", ErrNotStarted,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := openDescriptors(t)
			r := sh("exit", os.Stderr)
			withParent(t, r)
			tt.change(r)
			_, err := r.Start()
			if !errors.Is(err, tt.err) || !strings.HasPrefix(fmt.Sprint(err), tt.want) {
				t.Errorf("got %v, want %s: %v", err, tt.want, tt.err)
			}
			// An orphan comes to us, the tests' subreaper.
			for {
				if _, err := unix.Wait4(-1, nil, unix.WALL, nil); errors.Is(err, unix.ECHILD) {
					break
				}
			}
			if after := openDescriptors(t); after != before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}
