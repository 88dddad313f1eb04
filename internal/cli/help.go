package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// helpCommand is in the place of cobra's, which helps with all of autokill where there is
// no such subcommand, and calls that a success.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "help [SUBCOMMAND]",
		Short:                 "help about autokill or a subcommand",
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range cmd.Root().Commands() {
				if c.IsAvailableCommand() && len(args) == 0 {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			// Find fails for a root without Args.
			found, rest, _ := cmd.Root().Find(args)
			if len(rest) > 0 {
				return failed(fmt.Errorf("no subcommand %q: see autokill --help", rest[0]))
			}
			found.InitDefaultHelpFlag() // it was not executed
			found.InitDefaultVersionFlag()
			return failed(found.Help())
		},
	}
}
