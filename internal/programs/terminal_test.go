package programs

import (
	"errors"
	"strings"

	"github.com/autokill/autokill/internal/testproc"
)

// startAt runs the command line as the leader of a session on the terminal.
func (s *stage) startAt(c *testproc.Console, argv ...string) {
	s.Helper()
	c.Chown(s.T, s.user.uid, s.user.gid)
	cmd := s.hold(argv)
	c.StartCmd(s.T, cmd)
}

// playInteractive types what people type into a shell.
func playInteractive(s *stage) string {
	c := testproc.NewConsole(s.T)
	const prompt = "shell$ "
	s.env = append(s.env, "PS1="+prompt, "HISTFILE=")
	s.startAt(c, "bash", "--norc", "--noprofile", "-i")
	c.Expect(s.T, prompt)
	var differs []string
	if strings.Contains(c.Seen(), "job control") {
		differs = append(differs, "says that it has no job control")
	}
	// enter types a line and reads to the prompt.
	enter := func(line string) (answer string) {
		s.Helper()
		from := len(c.Seen())
		c.Write(s.T, line+"\n")
		c.Expect(s.T, prompt)
		return c.Seen()[from:]
	}
	// The program says by itself that it runs: then it has the terminal.
	foreground := func(key string) (answer string) {
		s.Helper()
		from := len(c.Seen())
		c.Write(s.T, "sh -c 'echo r\"\"uns $$ && exec sleep 1000'\n")
		c.Expect(s.T, "runs ")
		c.Expect(s.T, "\n")
		c.Write(s.T, key)
		c.Expect(s.T, prompt)
		return c.Seen()[from:]
	}
	must := func(answer, want string) {
		s.Helper()
		if !strings.Contains(answer, want) {
			s.Fatalf("no %q in %q; all:\n%s", want, answer, c.Seen())
		}
	}

	must(enter("echo answer $((6*7))"), "answer 42")
	foreground(testproc.CtrlC)
	must(enter("echo status $?"), "status 130")

	enter("sleep 1000 &")
	must(enter("jobs"), "Running")
	foreground(testproc.CtrlC)
	if !strings.Contains(enter("jobs"), "Running") {
		differs = append(differs, "Ctrl-C also ends the jobs in the background")
		enter("sleep 1000 &")
	}
	if answer := enter("kill %%"); strings.Contains(answer, "not permitted") {
		differs = append(differs, "`kill %1` is not permitted, `kill PID` is")
		enter("kill $!")
	}
	enter("wait $!")
	must(enter("echo status $?"), "status 143")

	must(foreground(testproc.CtrlZ), "Stopped")
	if answer := enter("bg; kill -CONT %%"); strings.Contains(answer, "not permitted") {
		differs = append(differs, "after Ctrl-Z, `fg` and `bg` continue nobody, `kill -CONT PID` does")
		enter("kill -CONT $(jobs -p)")
	}
	must(enter("jobs"), "Running")
	shell := c.ForegroundGroup(s.T)
	c.Write(s.T, "fg\n")
	c.Expect(s.T, "exec sleep 1000'\r\n")
	if s.scope != "tree" { // where it never changes
		waitFor(s, "job in the foreground", func() error {
			if c.ForegroundGroup(s.T) == shell {
				return errors.New("the shell still is")
			}
			return nil
		})
	}
	c.Write(s.T, testproc.CtrlC)
	c.Expect(s.T, prompt)
	must(enter("echo status $?"), "status 130")

	// Which the end of the terminal does not reach.
	c.Write(s.T, "setsid sh -c 'echo r\"\"uns $$ && exec sleep 1000' &\n")
	c.Expect(s.T, "runs ")
	return strings.Join(differs, "; ")
}

// playScript: script(1) makes a pseudo-terminal for a shell, as forkpty(3) does.
func playScript(s *stage) string {
	const say = `tty; echo answer $((6*7)); echo ready`
	d := s.start("sh", "-c", "script -qefc '"+say+"; sleep 1000' typescript || echo failed $?; sleep 1000")
	var lines []string
	for {
		line := strings.TrimSuffix(d.line(), "\r")
		if line == "ready" {
			break
		}
		lines = append(lines, line)
		if strings.HasPrefix(line, "failed ") {
			return strings.Join(lines, ", ")
		}
	}
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "/dev/pts/") || lines[1] != "answer 42" {
		return strings.Join(lines, ", ")
	}
	return ""
}

// playTmux: the server is a daemon, and each window has a terminal.
func playTmux(s *stage) string {
	script := s.file("play", `#!/bin/sh
tmux() { command tmux -S tmux.sock -f /dev/null "$@"; }
if tmux new-session -d -s play -x 80 -y 24 'echo answer $((6*7)); tmux -S tmux.sock wait-for -S printed; exec sleep 1000' 2>&1; then
	tmux wait-for printed
	tmux capture-pane -p -t play | head -n 1
	tmux new-window -t play 'sleep 1000'
fi
echo ready
exec sleep 1000
`)
	d := s.start(script)
	said := d.line()
	if said != "ready" {
		d.expect("ready")
	}
	return unless(said, "answer 42")
}
