//go:build linux

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// The files in testdata/terminal are sessions at a terminal, as they are seen there, of
// an interactive bash. In them
//
//	‹text›  was typed; the terminal shows it, too. At the end of a line Enter was
//	        typed after it. ‹^C› is Ctrl-C.
//	«…»     was done from outside: «window 33x77», or «kill -INT autokill», which is
//	        the child of the shell.
//
// and all else was shown by programs. Comments come first. The numbers of processes in
// messages of the shell are PID, and its warning about a wait is left out.
var (
	mark   = regexp.MustCompile(`‹[^›]*›|«[^»]*»`)
	number = regexp.MustCompile(`(?m)^(\[\d+\] )\d+`)
	// warning comes before or after the message that the job has stopped.
	warning = regexp.MustCompile(`(?m)^bash: wait: warning: .*\n`)
)

// TestSessions plays the sessions again and compares. Nothing is typed before the
// screen shows what was there when it was typed.
func TestSessions(t *testing.T) {
	needs(t, "bash")
	bins := installed(t)
	paths, err := filepath.Glob("testdata/terminal/*.txt")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d sessions, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		for _, scope := range scopes {
			t.Run(name+"/"+scope, func(t *testing.T) {
				if name == "stopself" && scope == "pidns" {
					t.Skip("the init of the namespace is the one that could see it")
				}
				play(t, bins[scope], session(string(text)))
			})
		}
	}
}

// installed are folders with the command as it is installed, since the test binary, which
// plays it elsewhere, has no symbol table. In the folder of a scope that is the default.
func installed(t *testing.T) (byScope map[string]string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "autokill")
	testproc.Go(t, "build", "-o", program, "../../cmd/autokill")
	byScope = map[string]string{}
	for _, scope := range scopes {
		byScope[scope] = t.TempDir()
		script := fmt.Sprintf("#!/bin/sh\nshift\nexec %s run --scope %s \"$@\"\n", program, scope)
		if err := os.WriteFile(filepath.Join(byScope[scope], "autokill"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return byScope
}

// session is a file without its comments.
func session(text string) string {
	for strings.HasPrefix(text, "#") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

func play(t *testing.T, bin, text string) {
	c := testproc.NewConsole(t)
	shell := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i")
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "PS1=$ ", "HISTFILE=", "LC_ALL=C", "TERM=dumb")
	c.Resize(t, 24, 80)
	c.StartCmd(t, shell)
	shown := "" // what must be on the screen by now
	for text != "" {
		at := mark.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		shown += text[:at[0]]
		if !c.Await(t, func(seen string) bool { return normal(seen) == shown }) {
			t.Fatalf("--- the terminal shows\n%s\n--- instead of\n%s\n", normal(c.Seen()), shown)
		}
		done := text[at[0]:at[1]]
		text = text[at[1]:]
		if outside, ok := strings.CutPrefix(done, "«"); ok {
			act(t, c, shell.Process.Pid, strings.TrimSuffix(outside, "»"))
			continue
		}
		keys := strings.TrimSuffix(strings.TrimPrefix(done, "‹"), "›")
		if strings.HasPrefix(keys, "^") {
			settled(t, shell.Process.Pid)
		}
		if keys != "^D" { // which is not shown
			shown += keys
		}
		c.Write(t, typed(keys, strings.HasPrefix(text, "\n")))
	}
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}

// typed is what a terminal sends for keys.
func typed(keys string, enter bool) string {
	switch {
	case len(keys) == 2 && keys[0] == '^':
		return string(keys[1] & 0x1f)
	case enter:
		return keys + "\n"
	}
	return keys
}

func normal(seen string) string {
	seen = strings.ReplaceAll(seen, "\r\n", "\n")
	return number.ReplaceAllString(warning.ReplaceAllString(seen, ""), "${1}PID")
}

// act does what is done from outside of the terminal.
func act(t *testing.T, c *testproc.Console, shell int, what string) {
	t.Helper()
	var rows, columns uint16
	var signal string
	if _, err := fmt.Sscanf(what, "window %dx%d", &rows, &columns); err == nil {
		c.Resize(t, rows, columns)
		return
	}
	if _, err := fmt.Sscanf(what, "kill -%s autokill", &signal); err != nil {
		t.Fatalf("what is %q?", what)
	}
	for _, child := range testproc.Children(shell) {
		if child.Name == "autokill" {
			if err := unix.Kill(child.PID, unix.SignalNum("SIG"+signal)); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the shell has no child that is autokill")
}
