//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/nofile"
)

func names(steps []Step) []string {
	var all []string
	for _, s := range steps {
		all = append(all, s.Name)
	}
	return all
}

// TestCompileOrder holds the order of the steps: the reasons are in compile's doc.
func TestCompileOrder(t *testing.T) {
	always := func(middle ...string) []string {
		all := []string{"dup3", "dup3", "dup3", "close_range"}
		return append(append(all, middle...), "rt_sigprocmask", "execve")
	}
	tests := []struct {
		name string
		req  Request
		want []string
	}{
		{"plain", Request{}, always()},
		{"no new privileges come first", Request{NoNewPrivs: true}, append([]string{"prctl(PR_SET_NO_NEW_PRIVS)"}, always()...)},
		{
			"prologue before descriptors are given up",
			Request{NoNewPrivs: true, Prologue: []Step{{Name: "arm"}}, Setsid: true},
			append([]string{"prctl(PR_SET_NO_NEW_PRIVS)", "arm", "setsid"}, always()...),
		},
		{
			"confinement between the files and the credentials",
			Request{Setpgid: true, Confinement: []Step{{Name: "seal"}}, Chroot: "/r", Credential: &Credential{NoSetGroups: true}},
			append([]string{"setpgid"}, always("seal", "chroot", "setgid", "setuid")...),
		},
		{"waits before all that needs ids", Request{Waits: []Step{{Name: "wait"}}, Unshare: 1, Chroot: "/r"}, always("wait", "unshare", "chroot")},
		{"epilogue before the exec", Request{Dir: "/", Epilogue: []Step{{Name: "seal"}}}, always("chdir", "seal")},
		{
			"foreground uses a descriptor of the caller",
			Request{Setpgid: true, Foreground: true},
			append([]string{"setpgid", "getpgid", "ioctl(TIOCSPGRP)"}, always()...),
		},
		{"setctty uses one of the child", Request{Setsid: true, Setctty: true}, append([]string{"setsid"}, always("ioctl(TIOCSCTTY)")...)},
		{"noctty", Request{Noctty: true}, always("ioctl(TIOCNOTTY)")},
		{
			"credentials between chroot and chdir, the death signal after them",
			Request{
				Chroot: "/r", Dir: "/d", Credential: &Credential{Uid: 1}, Capabilities: new(Capabilities),
				Pdeathsig: 15, Nofile: new(nofile.Limit),
			},
			always("chroot", "setgroups", "setgid", "setuid", "capset", "chdir", "prctl(PR_SET_PDEATHSIG)", "prlimit64(RLIMIT_NOFILE)"),
		},
		{
			"namespaces when the descriptors are given up, and before all that looks at them",
			Request{Unshare: unix.CLONE_NEWNS, Chroot: "/r", Setsid: true},
			append([]string{"setsid"}, always("unshare", "mount(MS_PRIVATE)", "chroot")...),
		},
		{"nothing to make private", Request{Unshare: unix.CLONE_NEWUTS}, always("unshare")},
		{
			"ambient capabilities survive the change of ids and need the sets",
			Request{Credential: &Credential{NoSetGroups: true}, Capabilities: new(Capabilities), Ambient: []uintptr{7, 9}},
			always("prctl(PR_SET_KEEPCAPS)", "setgid", "setuid", "capset", "prctl(PR_CAP_AMBIENT_RAISE)", "prctl(PR_CAP_AMBIENT_RAISE)"),
		},
		{"groups left alone", Request{Credential: &Credential{NoSetGroups: true}}, always("setgid", "setuid")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.req.Path, tt.req.Argv, tt.req.Files = "/x", []string{"x"}, []int{7, 8, 9}
			steps, err := compile(&tt.req, noGate, new(uint64), nil, new(memory), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(steps); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// TestCompileGate: the child waits for its maps when it has no descriptor left but
// those it shall have and the gate, and gives that up too.
func TestCompileGate(t *testing.T) {
	req := &Request{
		Path: "/x", Argv: []string{"x"}, Files: []int{7, 8, 9},
		Prologue: []Step{{Name: "arm"}}, Chroot: "/r", Credential: &Credential{NoSetGroups: true},
	}
	steps, err := compile(req, 5, new(uint64), nil, new(memory), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"arm", "dup3", "dup3", "dup3", "dup3", "close_range", gateStep, "close",
		"chroot", "setgid", "setuid", "rt_sigprocmask", "execve",
	}
	if got := names(steps); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !slices.Equal(req.Files, []int{7, 8, 9}) {
		t.Errorf("the request's files are %v now", req.Files)
	}
}

// TestCompilePtrace: the tracer is to see nothing of the start.
func TestCompilePtrace(t *testing.T) {
	steps, err := compile(&Request{Path: "/x", Argv: []string{"x"}, Ptrace: true}, noGate, new(uint64), nil, new(memory), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(steps), []string{"close_range", "rt_sigprocmask", "ptrace(PTRACE_TRACEME)", "execve"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompileWithoutClearSighand(t *testing.T) {
	all, err := dispositions()
	if err != nil {
		t.Fatal(err)
	}
	steps, err := compile(&Request{Path: "/x", Argv: []string{"x"}}, noGate, new(uint64), all, new(memory), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := append(slices.Repeat([]string{"rt_sigaction"}, 62), "rt_sigprocmask", "execve")
	if got := names(steps)[1:]; !slices.Equal(got, want) {
		t.Errorf("got %q, want every signal but KILL and STOP before the mask is restored", got)
	}
}

func TestCompileRefuses(t *testing.T) {
	tests := []struct {
		name string
		req  Request
		op   string
	}{
		{"empty argv", Request{Path: "/x"}, "execve"},
		{"NUL in path", Request{Path: "/x\x00", Argv: []string{"x"}}, "execve"},
		{"NUL in argument", Request{Path: "/x", Argv: []string{"x", "a\x00b"}}, "execve: argument with a NUL byte"},
		{"NUL in environment", Request{Path: "/x", Argv: []string{"x"}, Env: []string{"A=\x00"}}, "execve: environment with a NUL byte"},
		{"NUL in directory", Request{Path: "/x", Argv: []string{"x"}, Dir: "\x00"}, "chdir"},
		{"NUL in root", Request{Path: "/x", Argv: []string{"x"}, Chroot: "\x00"}, "chroot"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := compile(&tt.req, noGate, new(uint64), nil, new(memory), nil)
			var pathErr *fs.PathError
			if !errors.As(err, &pathErr) || pathErr.Op != tt.op {
				t.Errorf("got %v, want a *fs.PathError of %q", err, tt.op)
			}
			if !errors.Is(err, syscall.EINVAL) {
				t.Errorf("%v is no EINVAL", err)
			}
		})
	}
}

// simulate runs the descriptor steps on a table of numbers.
func simulate(t *testing.T, table map[int]string, steps []Step) {
	t.Helper()
	value := func(a Arg) int {
		if a.p != nil {
			return int(*(*int32)(a.p))
		}
		return int(a.n)
	}
	for _, s := range steps {
		switch s.Name {
		case "fcntl(F_DUPFD_CLOEXEC)":
			free := value(s.Args[2])
			for table[free] != "" {
				free++
			}
			table[free] = table[value(s.Args[0])]
			*s.Result = int32(free)
		case "open":
			free := 0
			for table[free] != "" {
				free++
			}
			if free != int(s.Want) {
				t.Fatalf("open gives %d and not %d", free, s.Want)
			}
			table[free] = nullOf(value(s.Args[2]))
		case "dup3":
			table[value(s.Args[1])] = table[value(s.Args[0])]
		case "fcntl(F_SETFD)":
			table[value(s.Args[0])] += ""
		case "close":
			delete(table, value(s.Args[0]))
		case "close_range":
			for n := range table {
				if n >= value(s.Args[0]) && n <= value(s.Args[1]) {
					delete(table, n)
				}
			}
		default:
			t.Fatalf("unexpected step %q", s.Name)
		}
	}
}

// nullOf is /dev/null in a simulated table.
func nullOf(flag int) string { return fmt.Sprint("null ", flag) }

// TestInherit checks every arrangement of four files over six open descriptors
// against what was asked for.
func TestInherit(t *testing.T) {
	const targets, open = 4, 6
	var files [targets]int
	var try func(i int)
	try = func(i int) {
		if i == targets {
			table := map[int]string{}
			for n := range open {
				table[n] = string(rune('a' + n))
			}
			steps := Inherit(nil, files[:])
			simulate(t, table, steps)
			if opens := len(slices.DeleteFunc(steps, func(s Step) bool { return s.Name != "open" })); opens > 2 {
				t.Fatalf("files %v: /dev/null is opened %d times", files, opens)
			}
			for n, from := range files {
				want := ""
				switch {
				case from >= 0:
					want = string(rune('a' + from))
				case from == Null && n == 0:
					want = nullOf(unix.O_RDONLY)
				case from == Null:
					want = nullOf(unix.O_WRONLY)
				}
				if table[n] != want {
					t.Fatalf("files %v: descriptor %d is %q, want %q", files, n, table[n], want)
				}
			}
			for n := range table {
				if n >= targets {
					t.Fatalf("files %v: descriptor %d leaked", files, n)
				}
			}
			return
		}
		for from := Null; from < open; from++ {
			files[i] = from
			try(i + 1)
		}
	}
	try(0)
}
