// Package cli is the command autokill: what the user types becomes calls of
// package autokill, and how they end becomes an exit status and one line on
// standard error.
//
// One file is one subject; what is decided is decided by pure functions: which
// status (status.go), which signals are passed on (signals.go), which descriptors
// can hang up (hold.go), what deserves a warning (privileges.go).
package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootHelp = `Child processes that cannot outlive their starter, kill -9 included. A COMMAND
that autokill runs has no_new_privs: sudo, su, newuidmap, fusermount and other
set-user-ID programs do not work inside.`

// rootCommand has all subcommands.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:                   "autokill",
		Short:                 "child processes that cannot outlive their starter",
		Long:                  rootHelp,
		Version:               version(),
		SilenceErrors:         true,
		SilenceUsage:          true,
		DisableFlagsInUseLine: true,
		// They would make an error more than one line.
		DisableSuggestions: true,
		CompletionOptions:  cobra.CompletionOptions{DisableDefaultCmd: true},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("no subcommand %q: to run a command, autokill run -- %s", args[0], args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	root.SetHelpCommand(helpCommand())
	root.AddCommand(runCommand(), execCommand(), attachCommand(), psCommand(), probeCommand(), versionCommand(), completionCommand(), manCommand())
	return root
}

// flagError is what pflag says of a flag. Of a switch that would be strconv's own error.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "bool" {
		return fmt.Errorf("invalid argument %q for \"--%s\" flag: write true or false", invalid.GetValue(), invalid.GetFlag().Name)
	}
	return err
}

// Main is the program: args are the arguments without its name. It returns the
// exit status.
func Main(args []string) int {
	root := rootCommand()
	// Not nil, for which cobra would take os.Args.
	root.SetArgs(append([]string{}, args...))

	cmd, err := root.ExecuteC()
	var e *exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		if e.err != nil {
			say(e.err)
		}
		return e.status
	default:
		// What is not an exit is wrong use.
		say(fmt.Errorf("%w: see %s --help", err, cmd.CommandPath()))
		return statusFailed
	}
}

// say prints one line for people. A standard error that cannot be written to is
// nobody's to hear of.
func say(err error) {
	fmt.Fprintln(os.Stderr, "autokill: "+oneLine(reason(err))) // see above
}

// oneLine is for errors that were joined, and for names with a newline in them.
func oneLine(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
}
