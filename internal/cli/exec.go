package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/sigign"
	"github.com/autokill/autokill/internal/siginfo"
)

const execHelp = `Become COMMAND, which dies with whoever holds the other end of socket FD: when
its last copy is closed, for whatever reason, COMMAND is killed, and all that it
has started (--scope process binds COMMAND alone). No autokill process remains:
COMMAND has this pid. It has no_new_privs: sudo, su, newuidmap, fusermount and
other set-user-ID programs do not work inside.

FD is one end of socketpair(AF_UNIX, SOCK_SEQPACKET), inherited. The starter
keeps the other end, close-on-exec, and never reads from it: that would kill.
docs/any-language.md tells all of it.

Exit status, if COMMAND does not come to run: 125 autokill failed, or nobody
holds the other end any more; 126 cannot be executed; 127 not found.`

// execOptions are the flags of autokill exec.
type execOptions struct {
	fd    int
	scope scopeFlag
}

func execCommand() *cobra.Command {
	o := execOptions{scope: scopeFlag(autokill.ScopeTree)}
	cmd := &cobra.Command{
		Use:                   "exec --fd FD [flags] [--] COMMAND [ARG]...",
		Short:                 "become a command that dies with the holder of a socket",
		Long:                  execHelp,
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("exec what? A COMMAND is missing")
			}
			return nil
		},
		ValidArgsFunction: completeCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("fd") {
				return errors.New("exec: --fd is missing: the socket whose other end shall hold the command")
			}
			err := become(o, args)
			return &exit{startStatus(err), err}
		},
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.SortFlags = false
	flags.Var((*fdFlag)(&o.fd), "fd", "die when the last copy of the other end of socket FD\nis closed; COMMAND gets /dev/null for 0")
	flags.Var(&o.scope, "scope", "who dies: process or tree")
	// The error is that of a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"process", "tree"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// become returns only with an error.
func become(o execOptions, argv []string) error {
	surviveMessages()
	file, err := searchPath(argv[0])
	if err != nil {
		return err
	}
	if hint := privilegeHint(file); hint != nil {
		say(hint)
	}
	if err := bind(o); err != nil {
		return fmt.Errorf("--fd %d: %w", o.fd, err)
	}
	if err := signalsAsBefore(); err != nil {
		return err
	}
	err = syscall.Exec(file, argv, os.Environ())
	if errors.Is(err, syscall.ENOEXEC) {
		file, argv = shell, byShell(file, argv)
		err = syscall.Exec(file, argv, os.Environ())
	}
	err = &fs.PathError{Op: opExec, Path: file, Err: err}
	if hint := clone.ExecHint(err, file, os.Stat); hint != "" {
		return fmt.Errorf("%w: %s", err, hint)
	}
	return err
}

// bind must be called on the goroutine that execs. Package syscall gives the command the
// RLIMIT_NOFILE that this program was started with.
func bind(o execOptions) error {
	if o.fd == 1 || o.fd == 2 {
		return errors.New("the command needs it: use 0, or a number from 3 on")
	}
	socket, err := closeOnExec(o.fd)
	if err != nil {
		return err
	}
	given, err := passedOn(o.fd)
	if err != nil {
		return err
	}
	given = append([]int{0, 1, 2}, given...)
	err = bond.Become(socket, bond.Scope(o.scope), given)
	if errors.Is(err, bond.ErrSealed) {
		say(errInTree)
		err = bond.Become(socket, bond.ScopeProcess, given)
	}
	return probeHint(err)
}

// signalsAsBefore ignores and blocks the signals that were ignored and blocked when this
// program was started: Go's runtime has taken over some. What it catches is at its default
// after the exec.
func signalsAsBefore() error {
	// An error means that it is not known what was there; see inheritIgnored.
	ignored, _ := sigign.Ignored()
	for _, sig := range ignored {
		if err := siginfo.Ignore(sig); err != nil {
			return err
		}
	}
	blocked, err := sigign.Blocked()
	if err != nil {
		return nil
	}
	return block(blocked)
}
