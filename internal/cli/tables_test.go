package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill"
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
	}
	for _, tt := range tests {
		got, err := parseSignal(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%q is %d, %v; want %d", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "0", "-1", "65", "SIG", "SIGSIGTERM", "NONE"} {
		if got, err := parseSignal(text); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
}

func TestPassOn(t *testing.T) {
	situations := []situation{
		{},
		{foreground: true},
		{foreground: true, early: true},
		{tree: true},
		{foreground: true, tree: true},
	}
	const n, c, e = nobody, command, everybody
	tests := []struct {
		sig  syscall.Signal
		want [5]audience
	}{
		{syscall.SIGTERM, [5]audience{c, c, c, c, c}},
		{syscall.SIGHUP, [5]audience{c, c, c, c, c}},
		{syscall.SIGUSR1, [5]audience{c, c, c, c, c}},
		{syscall.SIGCONT, [5]audience{c, c, c, e, e}},
		{syscall.SIGTSTP, [5]audience{c, c, c, e, e}},
		{syscall.SIGINT, [5]audience{c, n, c, c, e}},
		{syscall.SIGQUIT, [5]audience{c, n, c, c, e}},
		{syscall.SIGWINCH, [5]audience{c, n, c, c, e}},
		{syscall.SIGPIPE, [5]audience{}},
		{syscall.SIGCHLD, [5]audience{}},
		{syscall.SIGURG, [5]audience{}},
	}
	for _, tt := range tests {
		for i, now := range situations {
			if got := passOn(tt.sig, now); got != tt.want[i] {
				t.Errorf("%v, %+v: %v, want %v", tt.sig, now, got, tt.want[i])
			}
		}
	}
}

func TestReplyTo(t *testing.T) {
	const own, tree, other, none = 10, 20, 30, 0
	tests := []struct {
		sig   syscall.Signal
		front int
		want  reply
	}{
		{syscall.SIGTTIN, own, lend},
		{syscall.SIGTTOU, own, lend},
		{syscall.SIGTTIN, tree, lend}, // it has got it meanwhile
		{syscall.SIGTTIN, other, stop},
		{syscall.SIGTTOU, none, stop},
		{syscall.SIGTSTP, tree, stop},
		{syscall.SIGTSTP, own, stop},
		{syscall.SIGTSTP, other, stop},
		{syscall.SIGSTOP, tree, leave}, // somebody wants it to stop, not us
	}
	for _, tt := range tests {
		if got := replyTo(tt.sig, tt.front, own, tree); got != tt.want {
			t.Errorf("%v with %d in front: %v, want %v", tt.sig, tt.front, got, tt.want)
		}
	}
}

// TestCaught holds the signals that must keep what they do by default.
func TestCaught(t *testing.T) {
	all := append(slices.Clone(caught), systemSignals()...)
	for _, sig := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGSEGV} {
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
		{"negative", -1, with(notOpen), "a number from 0 on"},
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
	r := newReport("7.0", 1000, []autokill.Support{{Mechanism: autokill.Native, Err: missing}, {Mechanism: autokill.Tripwire}})
	if r.WouldUse != "tripwire" {
		t.Errorf("would use %q", r.WouldUse)
	}
	for _, line := range []string{"kernel: 7.0\n", "user: uid 1000\n", "would use: tripwire\n", "native: no: no such flag\n", "tripwire: works\n"} {
		if !strings.Contains(r.text(), line) {
			t.Errorf("%q is not in:\n%s", line, r.text())
		}
	}
	if r := newReport("4.0", 0, []autokill.Support{{Mechanism: autokill.Native, Err: missing}}); r.WouldUse != "" || !strings.Contains(r.text(), "would use: nothing") {
		t.Errorf("nothing works, but:\n%s", r.text())
	}
}

// TestHelpFits: help that scrolls away is not read.
func TestHelpFits(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"run", "--help"}, {"probe", "--help"}} {
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
