package programs

import (
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
	s.env = append(s.env, "PS1=> ", "HISTFILE=")
	s.startAt(c, "bash", "--norc", "--noprofile", "-i")
	var differs []string
	// usually waits for an answer or the other one that a scope may have.
	usually := func(usual, other, what string) {
		s.Helper()
		if c.Expect(s.T, usual, other) == other {
			differs = append(differs, what)
		}
	}
	// The quotes keep the echo of what is typed from being the answer.
	c.Write(s.T, "echo answer$((6*7))\n")
	c.Expect(s.T, "answer42")
	c.Write(s.T, "echo 'run'ning; sleep 1000\n")
	c.Expect(s.T, "running\r\n")
	c.Write(s.T, testproc.CtrlC)
	c.Write(s.T, "echo status$?\n")
	c.Expect(s.T, "status130")
	c.Write(s.T, "sleep 1000 &\n")
	c.Expect(s.T, "[1] ")
	c.Write(s.T, "jobs\n")
	c.Expect(s.T, "Running")
	c.Write(s.T, "kill %1; wait %1; echo status$?\n")
	usually("status143", "not permitted", "`kill %1` is not permitted")
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
