package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// FuzzCommandLine: nothing that somebody types makes autokill panic, and what belongs to
// the command gets to it as it was typed. The words are lines.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{
		"run\n--timeout\n1.5m\n--signal=INT\n--\nsh\n-c\necho", "run\n--hold\n3\nsh\n--hold\n4", "run\n--scope=pidns\n--mechanism\nnative\ntrue",
		"exec\n--fd\n3\n--\nsh\n--fd", "exec\n--fd=\nx", "attach\n--with-parent=false\n4711", "attach\n--group\n-1", "ps\n--json", "probe\nx",
		"completion\nbash", "help\nrun", "--version", "run\n-h", "\n\n",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\n")
		if strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
			return // looks through PATH
		}
		root := rootCommand()
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		root.SetArgs(args)
		for _, sub := range root.Commands() {
			sub.RunE = func(cmd *cobra.Command, words []string) error {
				switch cmd.Name() {
				case "run", "exec":
					if len(words) == 0 || !slices.Equal(words, args[len(args)-len(words):]) {
						t.Errorf("%q became the command %q", args, words)
					}
				}
				return nil
			}
		}
		_ = root.Execute() // which says what is wrong with it
	})
}

// FuzzValues: the value of a flag that is accepted is printed so that it is accepted again,
// as the same.
func FuzzValues(f *testing.F) {
	for _, text := range []string{"TERM", "SIGRTMIN", "rtmax-2", "64", "1.5m", "1e3h", "0", "+.5d", "native", "best", "tree", "pidns", "NaN", "0x1p-2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, pair := range [][2]pflag.Value{
			{new(signalFlag), new(signalFlag)},
			{new(mechanismFlag), new(mechanismFlag)},
			{new(scopeFlag), new(scopeFlag)},
			{new(fdFlag), new(fdFlag)},
		} {
			typed, printed := pair[0], pair[1]
			if typed.Set(text) != nil {
				continue
			}
			if err := printed.Set(typed.String()); err != nil || printed.String() != typed.String() {
				t.Errorf("%s %q is printed as %q, which is %q, %v", typed.Type(), text, typed, printed, err)
			}
		}
		if d, err := parseDuration(text); err == nil && (d < 0 || d == 0 && strings.ContainsAny(text, "123456789") && !strings.Contains(text, "e") && !strings.Contains(text, "E")) {
			t.Errorf("duration %q is %v", text, d)
		}
	})
}
