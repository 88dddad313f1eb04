//go:build linux

package programs

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill/internal/testproc"
)

// stage is where one program plays: a scope, a user, a directory of its own that is
// also its home, and in the end the death of its holder.
type stage struct {
	*testing.T
	scope  string
	user   user
	dir    string
	env    []string
	before map[int]bool // children of the test that have nothing to do with it
	value  string       // of the mark
	holder *exec.Cmd
}

// user is who the holder and the program are.
type user struct {
	name     string
	uid, gid int
}

// daemon is an ordinary user that every Linux has. It is not nobody: as nobody's, a
// user namespace shows the files of all users that it does not know.
var (
	root   = user{"root", 0, 0}
	daemon = user{"daemon", 1, 1}
)

// path is where programs are looked for: what all users have.
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin"

func newStage(t *testing.T, scope string, u user) *stage {
	t.Helper()
	s := &stage{T: t, scope: scope, user: u, before: map[int]bool{}}
	// A short path, for sockets: the limit is 108 bytes (unix(7)).
	var err error
	if s.dir, err = os.MkdirTemp("", "stage"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		killAll(t, s.living) // those of a test that has failed
		if err := os.RemoveAll(s.dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(s.dir, 0o755); err != nil { // a server may give up being root
		t.Fatal(err)
	}
	s.value = filepath.Base(s.dir)
	s.own(s.dir)
	s.own(s.mkdir("tmp"))
	s.env = []string{
		"PATH=" + path, "HOME=" + s.dir, "TMPDIR=" + s.dir + "/tmp", "LANG=C.UTF-8", "TERM=xterm",
		"LOGNAME=" + u.name, "SHELL=/bin/sh", mark + "=" + s.value,
	}
	for _, child := range testproc.Children(os.Getpid()) {
		s.before[child.PID] = true
	}
	return s
}

// own gives a file to the user of the stage.
func (s *stage) own(name string) {
	s.Helper()
	if err := os.Chown(name, s.user.uid, s.user.gid); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) mkdir(name string) string {
	s.Helper()
	name = filepath.Join(s.dir, name)
	if err := os.MkdirAll(name, 0o755); err != nil {
		s.Fatal(err)
	}
	return name
}

// file writes one into the directory and returns its path.
func (s *stage) file(name, text string) string {
	s.Helper()
	s.own(s.mkdir(filepath.Dir(name)))
	name = filepath.Join(s.dir, name)
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		s.Fatal(err)
	}
	s.own(name)
	return name
}

// hold is the command line under the scope, not yet started: the process that it
// makes is the holder.
func (s *stage) hold(argv []string) *exec.Cmd {
	s.Helper()
	cmd := testproc.Command("autokill", append([]string{"run", "--scope", s.scope, "--"}, argv...)...)
	s.dress(cmd)
	s.holder = cmd
	return cmd
}

// dress gives a command the directory, the environment and the user of the stage.
// What it says on standard error is shown if the test fails.
func (s *stage) dress(cmd *exec.Cmd) {
	s.Helper()
	role := cmd.Env[len(cmd.Env)-1:] // of testproc
	cmd.Env = append(append([]string{}, s.env...), role...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = s.credential()
	// A session of its own: the terminal of who runs the tests changes nothing.
	cmd.SysProcAttr.Setsid = true
	said, err := os.OpenFile(filepath.Join(s.dir, "stderr"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stderr = said
	s.Cleanup(func() {
		said.Close()
		if text, _ := os.ReadFile(said.Name()); s.Failed() && len(text) > 0 {
			s.Logf("standard error:\n%s", text)
		}
	})
}

// credential makes a process the user's.
func (s *stage) credential() *syscall.SysProcAttr {
	if s.user.uid == os.Getuid() {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(s.user.uid), Gid: uint32(s.user.gid)}}
}

// dialog is what a program prints, line by line, and what it is told.
type dialog struct {
	t      *testing.T
	out    *os.File
	lines  *bufio.Reader
	prompt *os.File
}

// start runs the command line under the scope.
func (s *stage) start(argv ...string) *dialog {
	s.Helper()
	out, stdout, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { out.Close() })
	stdin, prompt, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { prompt.Close() })
	cmd := s.hold(argv)
	cmd.Stdin, cmd.Stdout = stdin, stdout
	err = cmd.Start()
	stdin.Close()
	stdout.Close()
	if err != nil {
		s.Fatal(err)
	}
	return &dialog{t: s.T, out: out, lines: bufio.NewReader(out), prompt: prompt}
}

// say writes a line to the program.
func (d *dialog) say(line string) {
	d.t.Helper()
	if _, err := d.prompt.WriteString(line + "\n"); err != nil {
		d.t.Fatal(err)
	}
}

// line is the next one that it prints.
func (d *dialog) line() string {
	d.t.Helper()
	line, err := d.read()
	if err != nil {
		d.t.Fatalf("%v after %q", err, line)
	}
	return line
}

// expect reads until a line that begins so.
func (d *dialog) expect(want string) {
	d.t.Helper()
	var seen []string
	for {
		line, err := d.read()
		if strings.HasPrefix(line, want) {
			return
		}
		seen = append(seen, line)
		if err != nil {
			d.t.Fatalf("%v while waiting for %q; came:\n%s", err, want, strings.Join(seen, "\n"))
		}
	}
}

func (d *dialog) read() (string, error) {
	if err := d.out.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	line, err := d.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// patience is for programs that are slow to start, a browser on two busy processors
// among them.
const patience = 2 * time.Minute

// living are the processes on the stage, the holder among them.
func (s *stage) living() []testproc.Stat { return marked(s.value, s.before) }

// loseHolder kills the holder and waits until all are gone. It returns how many there
// were, and who was left after that time.
func (s *stage) loseHolder(patience time.Duration) (played int, left []testproc.Stat) {
	s.Helper()
	cast := s.living()
	if err := s.holder.Process.Kill(); err != nil {
		s.Fatal(err)
	}
	if err := s.holder.Wait(); s.holder.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		s.Errorf("the holder had ended before it was killed: %v", err)
	}
	left = remaining(patience, s.living)
	if len(left) > 0 {
		killAll(s.T, s.living)
	}
	return len(cast) - 1, left
}
