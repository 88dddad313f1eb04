//go:build linux

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
	// A Ctrl-C that has reached it came first, and has the lower number.
	enter("kill $!; wait $!")
	if strings.Contains(enter("echo status $?"), "status 130") {
		differs = append(differs, "Ctrl-C also ends the jobs in the background")
	}
	enter("sleep 1000 &")
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

// playScript: script(1) makes a pseudo-terminal for a command, as forkpty(3) does, and
// passes on what is typed. The command prints what it has got, in the order of it.
func playScript(s *stage) string {
	c := testproc.NewConsole(s.T)
	command := s.file("play", `#!/bin/bash
tty
trap 'echo interrupted' INT
echo answer $((6*7))
read -r line
echo "line $line"
setsid sleep 1000 &
echo ready
wait
`)
	s.startAt(c, "script", "-qefc", command, "typescript")
	c.Expect(s.T, "/dev/pts/")
	c.Expect(s.T, "answer 42")
	c.Write(s.T, testproc.CtrlC)
	c.Write(s.T, "typed\n")
	got := c.Expect(s.T, "interrupted", "line typed")
	c.Expect(s.T, "ready")
	if got != "interrupted" {
		return noInterrupt
	}
	return ""
}

// playTmux: the server is a daemon, and each window has a terminal.
func playTmux(s *stage) string {
	s.file("window", `#!/bin/bash
trap 'echo interrupted' INT
echo answer $((6*7))
tmux -S tmux.sock wait-for -S printed
read -r line
echo "line $line"
tmux -S tmux.sock wait-for -S read
exec sleep 1000
`)
	script := s.file("play", `#!/bin/sh
tmux() { command tmux -S tmux.sock -f /dev/null "$@"; }
tmux new-session -d -s play -x 80 -y 24 ./window
tmux wait-for printed
tmux send-keys C-c
tmux send-keys typed Enter
tmux wait-for read
tmux capture-pane -p
echo captured
tmux new-window 'exec sleep 1000'
echo ready
exec sleep 1000
`)
	d := s.start(script)
	d.expect("answer 42")
	var interrupted bool
	for line := d.line(); line != "captured"; line = d.line() {
		interrupted = interrupted || line == "interrupted" || line == "^Cinterrupted"
	}
	d.expect("ready")
	if !interrupted {
		return noInterrupt
	}
	return ""
}

// noInterrupt is what differs where a terminal controls nobody.
const noInterrupt = "Ctrl-C in its terminal interrupts nobody"
