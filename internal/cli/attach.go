package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/siginfo"
)

const attachHelp = `Bind a process that already runs to this autokill and to the process that
started it: however these end, kill -9 included, the process is killed. It can
be anybody's child. Its user and root can bind it; it gets no no_new_privs, and
is bound for as long as it stays with that user. Who leaves a --group survives.

No signal is passed on: one that ends autokill, a Ctrl-C too, kills the process.
To ask it nicely, signal PID itself; autokill ends when it has ended. Nothing
takes the bond off again.

Exit status: that of the process, 128+n if signal n killed it, where the kernel
tells it (to its parent always, to others since Linux 6.15); 124 timed out (137
if that took a KILL); 125 autokill failed, or the status is not known.`

// attachOptions are the flags of autokill attach.
type attachOptions struct {
	limits
	group bool
}

func attachCommand() *cobra.Command {
	var o attachOptions
	cmd := &cobra.Command{
		Use:                   "attach [flags] PID",
		Short:                 "bind a running process to autokill and its starter",
		Long:                  attachHelp,
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("attach what? One PID is needed")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.holds = cmd.Flags().Changed("hold")
			pid, err := strconv.Atoi(args[0])
			if err != nil || pid <= 0 || pid > math.MaxInt32 {
				return fmt.Errorf("%q is no process id", args[0])
			}
			return attach(o, pid)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&o.group, "group", false, "bind the process group that PID leads")
	o.addTo(cmd, "send KILL this long after --signal", "die when descriptor FD hangs up, too")
	return cmd
}

// attach is the way of one process through this package.
func attach(o attachOptions, pid int) error {
	s, err := o.bind(pid)
	if err != nil {
		return failed(err)
	}
	say(fmt.Errorf("%s is bound to this autokill, by %v", o.naming(s.process), s.process.Mechanism()))
	end, err := s.supervise()
	if err != nil {
		return failed(err)
	}
	if end.known {
		say(fmt.Errorf("process %d has ended: %v", pid, end))
	}
	return conclude(end, false, fmt.Sprintf("process %d has ended, how is not known: the kernel tells that to its parent, and since Linux 6.15 to others once the parent has asked", pid))
}

// bind begins all watching first, as start does. It catches no signal: what ends autokill
// shall end the process.
func (o *attachOptions) bind(pid int) (*supervisor, error) {
	respect()
	if !signal.Ignored(syscall.SIGQUIT) {
		// Not the traces of Go's runtime. The error is that of a signal that there is not.
		_ = siginfo.Default(syscall.SIGQUIT)
	}
	s, err := o.watch(nil, nil)
	if err != nil {
		return nil, err
	}
	if o.group {
		s.process, err = autokill.AttachGroup(pid)
	} else {
		s.process, err = autokill.Attach(pid)
	}
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return nil, fmt.Errorf("there is no process %d", pid)
	case err != nil:
		return nil, err
	}
	return s, nil
}

// naming is what has been bound.
func (o *attachOptions) naming(p *autokill.Process) string {
	name := ""
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.Pid)); err == nil {
		name = fmt.Sprintf(" (%s)", printable(strings.TrimSpace(string(comm)))) // it chooses that itself
	}
	if !o.group {
		return fmt.Sprintf("process %d%s", p.Pid, name)
	}
	members, err := p.Members()
	if err != nil {
		return fmt.Sprintf("process group %d%s", p.Pid, name)
	}
	return fmt.Sprintf("process group %d%s of %d", p.Pid, name, len(members))
}
