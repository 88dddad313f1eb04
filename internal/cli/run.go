package cli

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/autokill/autokill"
)

const runHelp = `Run COMMAND, which lives no longer than this autokill process and the process
that started it: however these end, kill -9 included, COMMAND is killed, and all
that it has started: nobody leaves its process group (--scope process binds
COMMAND alone). COMMAND has no_new_privs: sudo, su, newuidmap, fusermount and
other set-user-ID programs do not work inside. It gets all descriptors that are
not close-on-exec, as with env(1), and /dev/null for a standard one not open.

Exit status: COMMAND's own; 128+n if signal n killed it; 124 timed out (137 if
that took a KILL); 125 autokill failed; 126 cannot be executed; 127 not found.`

// runOptions are the flags of autokill run.
type runOptions struct {
	limits
	scope     scopeFlag
	mechanism mechanismFlag
}

func runCommand() *cobra.Command {
	o := runOptions{scope: scopeFlag(autokill.ScopeTree)}
	cmd := &cobra.Command{
		Use:                   "run [flags] [--] COMMAND [ARG]...",
		Short:                 "run a command that cannot outlive autokill and its starter",
		Long:                  runHelp,
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("run what? A COMMAND is missing")
			}
			return nil
		},
		ValidArgsFunction: completeCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.holds = cmd.Flags().Changed("hold")
			return run(o, args)
		},
	}
	flags := cmd.Flags()
	// What follows the first word that is no flag belongs to the command.
	flags.SetInterspersed(false)
	flags.SortFlags = false
	o.addTo(cmd, "send KILL this long after --signal, and after\na HUP, INT, QUIT or TERM that autokill gets",
		"die when descriptor FD hangs up, too: it stays\nwith autokill; COMMAND gets /dev/null for 0")
	flags.Var(&o.scope, "scope", "who dies: process, tree or pidns")
	flags.Var(&o.mechanism, "mechanism", "best, tripwire or native (not tree)")
	completeFlag(cmd, "scope", "process", "tree", "pidns")
	completeFlag(cmd, "mechanism", "best", "native", "tripwire")
	return cmd
}

// run is the way of one command through this package.
func run(o runOptions, argv []string) error {
	foreground := inForeground()
	s, err := start(o, argv)
	if err != nil {
		return &exit{startStatus(err), err}
	}
	end, err := s.supervise()
	had := takeTerminalBack(s.process.Pid, foreground)
	if err != nil {
		return failed(err)
	}
	return conclude(end, had, "the command has ended, how is not known: another part of this program has reaped it")
}

// start begins all watching first, then starts the command: nothing that happens
// in between is missed.
func start(o runOptions, argv []string) (*supervisor, error) {
	signals, err := notify()
	if err != nil {
		return nil, err
	}
	held := o.held()
	files, err := inherited(held)
	if err != nil {
		return nil, err
	}
	s, err := o.watch(signals, files)
	if err != nil {
		return nil, err
	}
	file, err := searchPath(argv[0])
	if err != nil {
		return nil, err
	}
	if hint := privilegeHint(file); hint != nil {
		say(hint)
	}
	if err := catchStops(); err != nil {
		return nil, err
	}
	// What the terminal sends until the command is there has to pass through us; after that the command gets
	// it itself.
	s.early = pending(signals)
	s.during, err = attend(signals, func() (err error) {
		s.process, err = startBy(o, file, argv, files)
		if errors.Is(err, syscall.ENOEXEC) {
			s.process, err = startBy(o, shell, byShell(file, argv), files)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.job = newJob(s.process)
	letGo(files, held)
	return s, nil
}

func startBy(o runOptions, path string, argv []string, files []*os.File) (*autokill.Process, error) {
	cmd := &autokill.Cmd{
		Path: path, Args: argv,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: files,
		Scope: autokill.Scope(o.scope), Mechanism: autokill.Mechanism(o.mechanism),
	}
	if o.held() == 0 {
		cmd.Stdin = nil
	}
	if cmd.Scope == autokill.ScopeTree {
		atTerminal(cmd)
	}
	err := cmd.Start()
	if errors.Is(err, autokill.ErrSealed) {
		say(errInTree)
		o.scope = scopeFlag(autokill.ScopeProcess)
		return startBy(o, path, argv, files)
	}
	if err != nil {
		if cmd.SysProcAttr != nil {
			takeTerminalBack(-1, true) // from one who took it, and could not exec
		}
		return nil, probeHint(err)
	}
	return cmd.Process, nil
}

var errInTree = errors.New("inside a tree: the command is killed with this handle, what it starts only with the tree outside")

func probeHint(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("%w: autokill probe tells what works here", err)
	}
	return err
}

// letGo closes what is the command's alone from now on, so that who is at the other
// end sees it when the command closes its own. We keep the standard error for
// messages.
func letGo(files []*os.File, held int) {
	for _, file := range append(files, os.Stdout) {
		if file != nil {
			_ = file.Close()
		}
	}
	if held != 0 {
		_ = os.Stdin.Close()
	}
}
