package cli

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/siginfo"
)

const runHelp = `Run COMMAND, which lives no longer than this autokill process and the process
that started it: however these end, kill -9 included, COMMAND is killed, and all
that it has started: nobody leaves its process group (--scope process binds
COMMAND alone). COMMAND has no_new_privs: sudo, su, newuidmap, fusermount and
other set-user-ID programs do not work inside.

Exit status: COMMAND's own; 128+n if signal n killed it; 124 timed out (137 if
that took a KILL); 125 autokill failed; 126 cannot be executed; 127 not found.`

// runOptions are the flags of autokill run.
type runOptions struct {
	timeout    duration
	killAfter  duration
	signal     signalFlag
	withParent bool
	scope      scopeFlag
	mechanism  mechanismFlag
	hold       int
	holds      bool // --hold was given
}

func runCommand() *cobra.Command {
	o := runOptions{signal: signalFlag(syscall.SIGTERM), scope: scopeFlag(autokill.ScopeTree)}
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
	flags.Var(&o.timeout, "timeout", "send --signal after this time: 5, 1.5m, 2h, 1d")
	flags.Var(&o.killAfter, "kill-after", "send KILL this long after --signal, and after\na HUP, INT, QUIT or TERM that autokill gets")
	flags.Var(&o.signal, "signal", "signal of --timeout, name or number")
	flags.BoolVar(&o.withParent, "with-parent", true, "die with autokill's starter, too")
	flags.IntVar(&o.hold, "hold", 0, "die when descriptor `FD` hangs up, too: it stays\nwith autokill; COMMAND gets /dev/null for 0")
	flags.Var(&o.scope, "scope", "who dies: process, tree or pidns")
	flags.Var(&o.mechanism, "mechanism", "best, native or tripwire")
	for name, values := range map[string][]string{
		"scope":     {"process", "tree", "pidns"},
		"mechanism": {"best", "native", "tripwire"},
		"signal":    signalNames(),
	} {
		// The error is that of a flag that is not there.
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
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
	takeTerminalBack(s.process.Pid, foreground)
	if err != nil {
		return &exit{statusFailed, err}
	}
	if !end.known {
		return &exit{end.status(), errors.New("the command has ended, how is not known: another part of this program has reaped it")}
	}
	if end.dieOfInterrupt(inForeground()) {
		interruptSelf()
	}
	return exitWith(end.status())
}

// start begins all watching first, then starts the command: nothing that happens
// in between is missed.
func start(o runOptions, argv []string) (*supervisor, error) {
	signals, err := notify()
	if err != nil {
		return nil, err
	}
	s := &supervisor{
		signals: signals,
		timeout: time.Duration(o.timeout), killAfter: time.Duration(o.killAfter),
		signal: syscall.Signal(o.signal),
	}
	held := -1
	if o.holds {
		held = o.hold
	}
	files, err := inherited(held)
	if err != nil {
		return nil, err
	}
	if o.holds {
		if s.hungUp, err = hold(held, files); err != nil {
			return nil, err
		}
	}
	if o.withParent {
		if s.orphaned, err = watchParent(); err != nil {
			return nil, err
		}
		if s.orphaned != nil && signal.Ignored(syscall.SIGHUP) {
			say(errors.New("SIGHUP is ignored (nohup), but the command still dies with the process that started autokill: --with-parent=false changes that"))
		}
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
	// What comes later from the terminal the command gets itself, as soon as it has been
	// cloned.
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
	if o.holds && o.hold == 0 {
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

// interruptSelf ends this process by SIGINT. It returns if that is ignored or
// blocked, or if this is the init of a PID namespace, which signals do not end.
func interruptSelf() {
	if os.Getpid() == 1 || signal.Ignored(syscall.SIGINT) {
		return
	}
	if siginfo.Default(syscall.SIGINT) == nil && syscall.Kill(os.Getpid(), syscall.SIGINT) == nil {
		time.Sleep(time.Second) // it may be another thread that takes it
	}
}
