package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

const completionHelp = `Print a script that completes autokill's subcommands, flags and their values,
and the names of commands to run. A new shell has it if it is written to

  bash  ~/.local/share/bash-completion/completions/autokill
  zsh   a file _autokill in a folder of $fpath
  fish  ~/.config/fish/completions/autokill.fish

bash needs the package bash-completion.`

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "completion bash|zsh|fish",
		Short:                 "print a script for the completion of a shell",
		Long:                  completionHelp,
		DisableFlagsInUseLine: true,
		ValidArgs:             []string{"bash", "zsh", "fish"},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(cmd.ValidArgs, args[0]) {
				return errors.New("completion for what? One of bash, zsh and fish is needed")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, w := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "zsh":
				return failed(root.GenZshCompletion(w))
			case "fish":
				return failed(root.GenFishCompletion(w, true))
			}
			return failed(root.GenBashCompletionV2(w, true))
		},
	}
}

// completeCommand completes the first argument of run, a command. What comes after it
// is completed as files.
func completeCommand(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || strings.Contains(begun, "/") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return commandsIn(os.Getenv("PATH"), begun), cobra.ShellCompDirectiveNoFileComp
}

// commandsIn are the commands in the folders of a path whose names begin so.
func commandsIn(path, begun string) []string {
	var names []string
	for _, dir := range filepath.SplitList(path) {
		entries, _ := os.ReadDir(dir) // a folder that is not there has no commands
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), begun) && executableIn(dir, e) {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func executableIn(dir string, e fs.DirEntry) bool {
	info, err := os.Stat(filepath.Join(dir, e.Name())) // follows links
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// completeFlag says which values a flag can have.
func completeFlag(cmd *cobra.Command, name string, values ...string) {
	// The error is that of a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// signalNames are those of all signals that have one, without SIG. Between the last two are
// RTMIN+n and RTMAX-n.
func signalNames() []string {
	var names []string
	for n := 1; n <= maxSignal; n++ {
		if name := unix.SignalName(unix.Signal(n)); name != "" {
			names = append(names, strings.TrimPrefix(name, "SIG"))
		}
	}
	return append(names, "RTMIN", "RTMAX")
}
