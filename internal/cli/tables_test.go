package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/siginfo"
)

func TestParseDuration(t *testing.T) {
	tests := []struct {
		text string
		want time.Duration
	}{
		{"5", 5 * time.Second},
		{"5s", 5 * time.Second},
		{"1.5m", 90 * time.Second},
		{"2h", 2 * time.Hour},
		{"1d", 24 * time.Hour},
		{".5", 500 * time.Millisecond},
		{"1e-3", time.Millisecond},
		{"1e-30", 1}, // not zero, which would be no limit
		{"0", 0},
		{"0d", 0},
		{"1e300d", math.MaxInt64},
		{"1e999", math.MaxInt64},
	}
	for _, tt := range tests {
		got, err := parseDuration(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%q is %v, %v; want %v", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "s", "-1", "5x", "5 s", "5ms", "1_0", "nan", "0x10", "1h30m", "--"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func TestParseSignal(t *testing.T) {
	tests := []struct {
		text string
		want syscall.Signal
	}{
		{"TERM", syscall.SIGTERM},
		{"SIGTERM", syscall.SIGTERM},
		{"sigusr1", syscall.SIGUSR1},
		{"kill", syscall.SIGKILL},
		{"15", syscall.SIGTERM},
		{"64", 64},
		{"RTMIN", 34},
		{"sigrtmin+1", 35},
		{"RTMIN+30", 64},
		{"RTMAX-30", 34},
		{"SIGRTMAX-1", 63},
		{"rtmax", 64},
	}
	for _, tt := range tests {
		got, err := parseSignal(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%q is %d, %v; want %d", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "0", "-1", "65", "SIG", "SIGSIGTERM", "NONE", "RTMIN+31", "RTMAX-31", "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN1", "RTMAX-+1", "SIGSIGRTMIN"} {
		if got, err := parseSignal(text); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
}

func TestPassOn(t *testing.T) {
	const user, kernel = 0, 0x80 // SI_USER, SI_KERNEL
	situations := []situation{{}, {together: true}, {together: true, early: true}, {tree: true}, {tree: true, early: true}, {together: true, watched: true}, {watched: true}}
	const n, c, e = nobody, command, everybody
	tests := []struct {
		sig  syscall.Signal
		code int32
		want [7]audience
	}{
		{syscall.SIGTERM, user, [7]audience{c, c, c, c, c, c, c}},
		{syscall.SIGHUP, user, [7]audience{c, c, c, c, c, c, c}},
		{syscall.SIGHUP, kernel, [7]audience{c, c, c, c, c, c, c}}, // to the leader of a session alone
		{syscall.SIGUSR1, user, [7]audience{c, c, c, c, c, c, c}},
		{syscall.SIGALRM, kernel, [7]audience{c, c, c, c, c, c, c}}, // of a timer from before our exec
		{syscall.SIGCONT, user, [7]audience{c, c, c, e, e, n, c}},
		{syscall.SIGTSTP, kernel, [7]audience{c, n, c, e, e, n, c}},
		{syscall.SIGTSTP, user, [7]audience{c, n, c, e, e, n, c}},
		{syscall.SIGINT, kernel, [7]audience{c, n, c, e, e, n, c}},
		{syscall.SIGINT, user, [7]audience{c, c, c, c, c, c, c}},
		{syscall.SIGQUIT, kernel, [7]audience{c, n, c, e, e, n, c}},
		{syscall.SIGQUIT, user, [7]audience{c, c, c, c, c, c, c}},
		{syscall.SIGWINCH, kernel, [7]audience{c, n, c, e, e, n, c}},
		{syscall.SIGWINCH, user, [7]audience{c, c, c, c, c, c, c}},
		{syscall.SIGCHLD, kernel, [7]audience{}},
	}
	for _, tt := range tests {
		for i, now := range situations {
			got := siginfo.Info{Signal: tt.sig, Code: tt.code}
			if to := passOn(got, now); to != tt.want[i] {
				t.Errorf("%v with code %d, %+v: %v, want %v", tt.sig, tt.code, now, to, tt.want[i])
			}
		}
	}
}

func TestReplyTo(t *testing.T) {
	const own, its, other, none = 10, 20, 30, 0
	tree := func(front int, watched bool) groups {
		return groups{front: front, own: own, its: its, tree: true, watched: watched}
	}
	tests := []struct {
		name string
		sig  syscall.Signal
		groups
		want reply
	}{
		{"reads, and it is ours to give", syscall.SIGTTIN, tree(own, false), lend},
		{"writes, and it is ours to give", syscall.SIGTTOU, tree(own, true), lend},
		{"has got it meanwhile", syscall.SIGTTIN, tree(its, false), lend},
		{"reads in the background", syscall.SIGTTIN, tree(other, true), stop},
		{"no terminal any more", syscall.SIGTTOU, tree(none, false), stop},
		{"Ctrl-Z", syscall.SIGTSTP, tree(its, true), stop},
		{"Ctrl-Z in a script", syscall.SIGTSTP, tree(its, false), stop},
		{"Ctrl-Z that came to us", syscall.SIGTSTP, tree(own, true), stop},
		{"stopped by itself", syscall.SIGSTOP, tree(its, true), stop},
		{"stopped, and no shell would see it", syscall.SIGSTOP, tree(its, false), leave},
		{"in our group, by itself", syscall.SIGTSTP, groups{front: own, own: own, its: own, watched: true}, stop},
		{"Ctrl-Z, in our group, in a script", syscall.SIGTSTP, groups{front: own, own: own, its: own}, stop},
		{"in our group, and no shell would see it", syscall.SIGSTOP, groups{front: own, own: own, its: own}, leave},
		{"reads in the background, in our group", syscall.SIGTTIN, groups{front: other, own: own, its: own, watched: true}, leave},
		{"an inner shell is suspended", syscall.SIGSTOP, groups{front: its, own: own, its: its, watched: true}, stop},
	}
	for _, tt := range tests {
		if got := replyTo(tt.sig, tt.groups); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestCaught holds the signals that must keep what they do by default.
func TestCaught(t *testing.T) {
	all := append(slices.Clone(caught), systemSignals()...)
	for _, sig := range []syscall.Signal{syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGURG, syscall.SIGSEGV} {
		if slices.Contains(all, sig) {
			t.Errorf("%v is caught", sig)
		}
	}
}

func TestStartStatus(t *testing.T) {
	execve := func(errno error) error {
		return fmt.Errorf("start: %w", &autokill.OpError{Op: "start", Err: &fs.PathError{Op: opExec, Path: "/x", Err: errno}})
	}
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"path search", &exec.Error{Name: "x", Err: exec.ErrNotFound}, 127},
		{"ENOENT", execve(syscall.ENOENT), 127},
		{"EACCES", execve(syscall.EACCES), 126},
		{"ENOEXEC", execve(syscall.ENOEXEC), 126},
		{"EISDIR", execve(syscall.EISDIR), 126},
		{"ENOTDIR", execve(syscall.ENOTDIR), 126},
		{"E2BIG", execve(syscall.E2BIG), 126},
		{"ETXTBSY", execve(syscall.ETXTBSY), 126},
		{"ELOOP", execve(syscall.ELOOP), 126},
		{"missing /dev/null", &fs.PathError{Op: "open", Path: os.DevNull, Err: syscall.ENOENT}, 125},
		{"no processes", os.NewSyscallError("clone3", syscall.EAGAIN), 125},
		{"unsupported", &autokill.OpError{Op: "start", Err: errors.ErrUnsupported}, 125},
		{"starter", errOrphan, 125},
	}
	for _, tt := range tests {
		if got := startStatus(tt.err); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestEnding(t *testing.T) {
	tests := []struct {
		name string
		end  ending
		want int
	}{
		{"success", ending{known: true}, 0},
		{"failure", ending{known: true, code: 3}, 3},
		{"signal", ending{known: true, code: -1, signal: syscall.SIGSEGV}, 139},
		{"killed", ending{known: true, code: -1, signal: syscall.SIGKILL}, 137},
		{"out of time", ending{known: true, code: -1, signal: syscall.SIGTERM, timedOut: true}, 124},
		{"out of time, exits by itself", ending{known: true, code: 3, timedOut: true}, 124},
		{"out of time, killed", ending{known: true, code: -1, signal: syscall.SIGKILL, timedOut: true}, 137},
		{"not known", ending{code: -1}, 125},
		{"not known, out of time", ending{code: -1, timedOut: true}, 125},
	}
	for _, tt := range tests {
		if got := tt.end.status(); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	interrupted := ending{known: true, code: -1, signal: syscall.SIGINT}
	if !interrupted.dieOfInterrupt(true) || interrupted.dieOfInterrupt(false) {
		t.Error("autokill must die of SIGINT with its command at a terminal, and only there")
	}
	interrupted.timedOut = true
	if interrupted.dieOfInterrupt(true) {
		t.Error("a SIGINT of --timeout must be status 124")
	}
}

func TestHoldable(t *testing.T) {
	with := func(kind descriptorKind) descriptor { return descriptor{kind: kind, otherEnd: -1} }
	own := with(pipeOrFIFO)
	own.readWrite = true
	listening := with(connection)
	listening.listening = true
	leaked := with(pipeOrFIFO)
	leaked.otherEnd = 5
	both := with(connection)
	both.readWrite = true
	tests := []struct {
		name string
		fd   int
		d    descriptor
		want string // in the error; empty for none
	}{
		{"pipe", 3, with(pipeOrFIFO), ""},
		{"socket", 3, both, ""},
		{"terminal", 3, with(terminal), ""},
		{"standard input", 0, with(pipeOrFIFO), ""},
		{"standard output", 1, with(pipeOrFIFO), "the command needs it"},
		{"standard error", 2, with(pipeOrFIFO), "the command needs it"},
		{"closed", 7, with(notOpen), "not open"},
		{"file", 7, with(otherKind), "cannot hang up"},
		{"listening", 7, listening, "listening"},
		{"its own other end", 7, own, "reading and writing"},
		{"the command has the other end", 7, leaked, "descriptor 5 is the other end"},
	}
	for _, tt := range tests {
		err := holdable(tt.fd, tt.d)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestLostPrivileges(t *testing.T) {
	tests := []struct {
		name string
		file executable
		uid  int
		lost bool
	}{
		{"plain", executable{mode: 0o755}, 1000, false},
		{"set-user-ID root", executable{mode: 0o755 | fs.ModeSetuid}, 1000, true},
		{"set-user-ID root for root", executable{mode: 0o755 | fs.ModeSetuid}, 0, false},
		{"set-user-ID user for root", executable{mode: 0o755 | fs.ModeSetuid, uid: 1000}, 0, true},
		{"set-group-ID", executable{mode: 0o755 | fs.ModeSetgid, gid: 42}, 1000, true},
		{"set-group-ID, own group", executable{mode: 0o755 | fs.ModeSetgid, gid: 1000}, 1000, false},
		{"mandatory locks", executable{mode: 0o744 | fs.ModeSetgid, gid: 42}, 1000, false},
		{"file capabilities", executable{mode: 0o755, capabilities: true}, 1000, true},
		{"file capabilities for root", executable{mode: 0o755, capabilities: true}, 0, false},
	}
	for _, tt := range tests {
		if got := lostPrivileges(tt.file, tt.uid, tt.uid); (got != "") != tt.lost {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

func TestSearch(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("a/plain", 0o644)
	program := write("b/program", 0o755)
	write("a/both", 0o644)
	both := write("b/both", 0o755)
	path := dir + "/a:" + dir + "/b:" + dir + "/none"
	tests := []struct {
		name, want string
		err        error
	}{
		{"program", program, nil},
		{"both", both, nil},
		{"./anything", "./anything", nil},
		{"plain", "", fs.ErrPermission},
		{"none", "", exec.ErrNotFound},
		{"", "", exec.ErrNotFound},
	}
	for _, tt := range tests {
		got, err := search(tt.name, path)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q is %q, %v; want %q, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
	if os.Geteuid() != 0 { // root may search everything
		closed := filepath.Dir(write("closed/program", 0o755))
		if err := os.Chmod(closed, 0); err != nil {
			t.Fatal(err)
		}
		if got, err := search("program", closed); !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("found %q in a closed directory, %v", got, err)
		}
		// So that it can be removed.
		if err := os.Chmod(closed, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Dir(program))
	if got, err := search("program", ""); err == nil {
		t.Errorf("an empty PATH found %q", got)
	}
	if got, err := search("program", ":/none"); err != nil || got != "./program" {
		t.Errorf("an empty entry of PATH is the current directory: %q, %v", got, err)
	}
}

func TestReport(t *testing.T) {
	missing := &autokill.OpError{Op: "probe", Mechanism: autokill.Native, Err: fmt.Errorf("no such flag: %w", errors.ErrUnsupported)}
	supports := []autokill.Support{{Mechanism: autokill.Native, Err: missing}, {Mechanism: autokill.Tripwire}}
	r := newReport("7.0", 1000, supports, []attempt{
		{autokill.ScopeProcess, autokill.Tripwire, nil},
		{autokill.ScopeTree, autokill.Best, &autokill.OpError{Op: "start", Err: fmt.Errorf("no seal: %w", errors.ErrUnsupported)}},
	})
	if want := []scopeReport{{"process", "tripwire", ""}, {"tree", "", "no seal"}}; r.WouldUse != "tripwire" || !slices.Equal(r.Scopes, want) {
		t.Errorf("would use %q, and for scopes %+v, want %+v", r.WouldUse, r.Scopes, want)
	}
	for _, line := range []string{
		"kernel: 7.0\n", "user: uid 1000\n", "native: no: no such flag\n", "tripwire: works\n",
		"scope process: would use tripwire\n", "scope tree: no: no seal\n",
	} {
		if !strings.Contains(r.text(), line) {
			t.Errorf("%q is not in:\n%s", line, r.text())
		}
	}
	if r := newReport("4.0", 0, supports[:1], nil); r.WouldUse != "" || !strings.Contains(r.text(), "would use: nothing") {
		t.Errorf("nothing works, but:\n%s", r.text())
	}
}

// TestHelpFits: help that scrolls away is not read.
func TestHelpFits(t *testing.T) {
	all := [][]string{{"--help"}}
	for _, c := range rootCommand().Commands() {
		all = append(all, []string{c.Name(), "--help"})
	}
	for _, args := range all {
		out, err := exec.Command("autokill", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if len(lines) > 24 {
			t.Errorf("%v: %d lines", args, len(lines))
		}
		for _, line := range lines {
			if len(line) > 80 {
				t.Errorf("%v: %d columns: %s", args, len(line), line)
			}
		}
	}
}

func TestVersionOf(t *testing.T) {
	system := " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	built := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123abc"}
	tests := []struct {
		info *debug.BuildInfo
		want string
	}{
		{built("v1.2.3"), "autokill v1.2.3"},
		{built("v1.2.3", revision, debug.BuildSetting{Key: "vcs.modified", Value: "false"}), "autokill v1.2.3 revision 0123abc"},
		{built("(devel)", revision, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "autokill (devel) revision 0123abc (modified)"},
		{built(""), "autokill (unknown)"},
	}
	for _, tt := range tests {
		if got := versionOf(tt.info); got != tt.want+system {
			t.Errorf("got %q, want %q", got, tt.want+system)
		}
	}
}

// TestManualPage: all that the help says is in the page, and man(1) has nothing to say
// about it.
func TestManualPage(t *testing.T) {
	page := manualPage(rootCommand())
	for _, c := range rootCommand().Commands() {
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !strings.Contains(page, "\n\\fB"+roff("--"+f.Name)+"\\fR") {
				t.Errorf("no flag --%s of %s", f.Name, c.Name())
			}
		})
		for line := range strings.Lines(c.Long) {
			if !strings.Contains(page, roff(strings.TrimSuffix(line, "\n"))) {
				t.Errorf("%q of %s is missing", line, c.Name())
			}
		}
	}
	if got, want := roff(".x\n'y \\ -z"), "\\&.x\n\\&'y \\e \\-z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skipf("only groff would notice the rest: %v", err)
	}
	groff := exec.Command("groff", "-man", "-Tascii", "-ww", "-z")
	groff.Stdin = strings.NewReader(page)
	if out, err := groff.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestCompletion: the shells can read their scripts. What these ask for is in
// testdata/completion.txtar.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			script, err := exec.Command("autokill", "completion", shell).Output()
			if err != nil || len(script) == 0 {
				t.Fatalf("%d bytes, %v", len(script), err)
			}
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("not read by anybody: %v", err)
			}
			file := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(file, script, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(shell, "-n", file).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
