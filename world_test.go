//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/autokilltest"
	"github.com/autokill/autokill/internal/testproc"
)

//go:embed docs/from-os-exec.md
var fromOSExec string

// A world is what a started program sees of itself, by names.
type world map[string]string

// look is a program that says what it sees. It is no Go program: Go's runtime changes
// limits and what is done at a signal before main.
const look = `
for f in stat cgroup loginuid oom_score_adj coredump_filter personality mountinfo; do
	echo "== $f"; cat /proc/$$/$f 2>&1
done
# Of cat itself: while the shell forks its signal mask is not what it was born with.
for f in status limits timerslack_ns; do echo "== $f"; cat /proc/self/$f; done
echo "== links"
for f in cwd root ns/cgroup ns/ipc ns/mnt ns/net ns/pid ns/time ns/user ns/uts; do echo "$f: $(readlink /proc/$$/$f)"; done
echo "== descriptors"
for f in /proc/$$/fd/*; do echo "${f##*/}: $(readlink $f) $(grep flags: /proc/$$/fdinfo/${f##*/})"; done
echo "== environment"
env
echo "== shell"
echo "arguments: $0 $*"; echo "umask: $(umask)"; echo "pwd: $(pwd -P)"; echo "nice: $(nice)"; echo "ids: $(id)"
`

var pipeNumber = regexp.MustCompile(`pipe:\[\d+\]`)

// fleeting is what differs between any two processes, or from one moment to the next.
var fleeting = regexp.MustCompile(`^(status: (Pid|PPid|Tgid|NStgid|NSpid|NSpgid|NSsid|Ngid|Vm\w+|Rss\w+|Hugetlb\w+|\w*ctxt_switches|Mems_allowed|SigQ|State|Threads)$` +
	`|environment: _$)`)

// statFields are fields of /proc/self/stat, counted from the state, that do not change
// by themselves: group and session relative to the process, terminal, foreground
// group, flags, priority, nice, exit signal, policy.
func statFields(line string) world {
	_, rest, _ := strings.Cut(line, ") ")
	pid, _, _ := strings.Cut(line, " ")
	fields := strings.Fields(rest)
	w := world{}
	for name, i := range map[string]int{
		"parent": 1, "group": 2, "session": 3, "terminal": 4, "foreground": 5, "priority": 15, "nice": 16,
		"exit signal": 35, "realtime priority": 37, "policy": 38,
	} {
		value := fields[i]
		if value == pid {
			value = "itself"
		}
		w["stat: "+name] = value
	}
	return w
}

func parseWorld(out []byte) world {
	w := world{}
	section := ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "== "); ok {
			section = name
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		switch section {
		case "stat":
			maps.Copy(w, statFields(line))
			continue
		case "environment":
			key, value, _ = strings.Cut(line, "=")
		case "limits":
			key, value = strings.TrimSpace(line[:min(26, len(line))]), line[min(26, len(line)):]
		case "status", "links", "descriptors", "shell":
		default:
			key, value = line, "there"
		}
		key = section + ": " + key
		value = pipeNumber.ReplaceAllString(value, "pipe")
		if !fleeting.MatchString(key) {
			w[key] = strings.Join(strings.Fields(value), " ")
		}
	}
	return w
}

// different are the names whose values differ.
func different(a, b world) []string {
	var names []string
	for name := range a {
		if b[name] != a[name] {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestWorld starts the same program by os/exec and by autokill. What it sees differs
// in what docs/from-os-exec.md lists, and in nothing else.
func TestWorld(t *testing.T) {
	cmd := autokilltest.Helper(worldRole)
	var out bytes.Buffer
	cmd.Stdout = &out
	err := cmd.Run()
	t.Logf("%s", out.String())
	if err != nil {
		t.Error(err)
	}
}

const worldRole = "world"

// careless is a descriptor that is open and not close-on-exec in the parent.
const careless = 47

// both is what two commands get alike.
type both struct {
	name string
	root bool
	set  func(env *[]string, dir *string, extra *[]*os.File, sys **syscall.SysProcAttr)
}

func worlds([]string) int {
	runtime.LockOSThread() // nice is of a thread
	// One descriptor that a child of os/exec inherits, whoever opened what before.
	for n := range testproc.OpenDescriptors() {
		if n > 2 {
			unix.CloseOnExec(n)
		}
	}
	zero, err := unix.Open("/dev/zero", unix.O_RDONLY, 0)
	if err == nil {
		err = unix.Dup3(zero, careless, 0)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	unix.CloseOnExec(zero)
	// A parent that is not as it was born.
	signal.Ignore(syscall.SIGUSR1, syscall.SIGHUP)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR2, syscall.SIGTERM)
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 5); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 4096, Max: 8192}); err != nil {
		fmt.Println(err)
		return 1
	}

	expected := listedDifferences()
	status := 0
	for _, tt := range []both{
		{"plain", false, func(*[]string, *string, *[]*os.File, **syscall.SysProcAttr) {}},
		{"environment and directory", false, func(env *[]string, dir *string, _ *[]*os.File, _ **syscall.SysProcAttr) {
			*env, *dir = []string{"PATH=" + os.Getenv("PATH"), "A=1", "A=2", "odd", "=x=y"}, "/bin/.."
		}},
		{"directory", false, func(_ *[]string, dir *string, _ *[]*os.File, _ **syscall.SysProcAttr) { *dir = "/bin" }},
		{"extra files", false, func(_ *[]string, _ *string, extra *[]*os.File, _ **syscall.SysProcAttr) {
			*extra = []*os.File{os.Stdin, nil, os.Stderr}
		}},
		{"session", false, func(_ *[]string, _ *string, _ *[]*os.File, sys **syscall.SysProcAttr) {
			*sys = &syscall.SysProcAttr{Setsid: true}
		}},
		{"group", false, func(_ *[]string, _ *string, _ *[]*os.File, sys **syscall.SysProcAttr) {
			*sys = &syscall.SysProcAttr{Setpgid: true}
		}},
		{"another user", true, func(_ *[]string, _ *string, _ *[]*os.File, sys **syscall.SysProcAttr) {
			*sys = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1234, Gid: 2345, Groups: []uint32{77}}}
		}},
		{"capabilities", true, func(_ *[]string, _ *string, _ *[]*os.File, sys **syscall.SysProcAttr) {
			*sys = &syscall.SysProcAttr{
				Credential:  &syscall.Credential{Uid: 1234, Gid: 2345},
				AmbientCaps: []uintptr{unix.CAP_NET_RAW},
			}
		}},
	} {
		if tt.root && os.Geteuid() != 0 {
			continue
		}
		theirs, ours := exec.Command("/bin/sh", "-c", look, "name", "an argument"), autokill.Command("/bin/sh", "-c", look, "name", "an argument")
		tt.set(&theirs.Env, &theirs.Dir, &theirs.ExtraFiles, &theirs.SysProcAttr)
		tt.set(&ours.Env, &ours.Dir, &ours.ExtraFiles, &ours.SysProcAttr)
		before, err := theirs.Output()
		if err != nil {
			fmt.Println(tt.name, err)
			return 1
		}
		after, err := ours.Output()
		if err != nil {
			fmt.Println(tt.name, err)
			return 1
		}
		a, b := parseWorld(before), parseWorld(after)
		got := different(a, b)
		fmt.Printf("%s: %d things seen, different: %q\n", tt.name, len(a), got)
		if len(a) < 80 || !slices.Equal(got, expected) {
			for _, name := range got {
				fmt.Printf("\t%s: %q by os/exec, %q by autokill\n", name, a[name], b[name])
			}
			status = 1
		}
	}
	return status
}

// listedDifferences are the names in the table of docs/from-os-exec.md that has the
// heading "What the child sees".
func listedDifferences() []string {
	_, section, _ := strings.Cut(fromOSExec, "\n## What the child sees\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		names = append(names, row[1])
	}
	slices.Sort(names)
	return names
}
