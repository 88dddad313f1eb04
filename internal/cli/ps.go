package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/autokill/autokill/internal/handles"
)

const psHelp = `List every handle that the caller may see: whom it keeps alive, how, since when,
and which processes hold it. It only reads /proc, and takes no reference to a
handle: one that is closed meanwhile kills as ever. All handles root may see.

The columns are the pid of the child (- if it has ended, ? if it cannot be
told), its scope, the mechanism, its age, who holds the handle as PID:FD, and
its command line. "in flight" is a handle that no process has among its
descriptors: it is in a message that nobody has received yet.`

// psManual is for the manual page only: help fits a screen.
const psManual = `--tree prints holders, below each what it holds, and below that what the child
itself holds.

Whose processes one may see decides ptrace(2)'s rule: for the handles of all,
be root. Of a tripwire the kernel tells nothing; autokill gives its handle a
name in /proc/net/unix that says who the child is. The name is a claim of who
made the socket, and a handle made by other programs may have none.

--json prints one object with these fields, which stay as they are:
  handles           array   of objects:
    mechanism       string  "native" or "tripwire"
    scope           string  "process", "tree" or "pidns"; null if not known
    child           object  whom it keeps alive; null if not known
      pid           number
      uid           number  real user; null if not known
      command       string  "" if not known
    ended           boolean the child has ended; others in the scope may be there
    age             number  seconds since the child was started; null if not known
    holders         array   of objects, with pid, uid and command as above, and
      descriptors   array   of numbers, under which the holder has the handle
    in_flight       boolean true: nobody holds it, so it is in flight; null if
                            that cannot be told, as of a handle that somebody
                            holds and may have sent to others, too
  flights           array   of sockets that are no handles, with descriptors in
                            flight, which may be handles:
    descriptors     number  how many
    holders         array   of the socket, as above
  unseen            number  processes whose descriptors the caller may not see
  hidden            boolean /proc hides other users' processes (hidepid)`

func psCommand() *cobra.Command {
	var asJSON, asTree bool
	cmd := &cobra.Command{
		Use:                   "ps [--json | --tree]",
		Short:                 "list the handles on this machine and who holds them",
		Long:                  psHelp,
		Annotations:           map[string]string{manualOnly: psManual},
		DisableFlagsInUseLine: true,
		Args:                  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON && asTree {
				return errors.New("--json or --tree, not both")
			}
			sight, err := handles.See()
			if err != nil {
				return failed(fmt.Errorf("ps: %w", err))
			}
			w := cmd.OutOrStdout()
			switch {
			case asJSON:
				err = printSight(w, sight)
			case asTree:
				_, err = io.WriteString(w, tree(sight)+notes(sight))
			default:
				_, err = io.WriteString(w, table(sight)+notes(sight))
			}
			return failed(err)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; its fields are in the manual page (autokill man)")
	cmd.Flags().BoolVar(&asTree, "tree", false, "print a tree of holders and children")
	return cmd
}

// sightReport is what ps --json prints; it is described in the manual page.
type sightReport struct {
	Handles []handleReport `json:"handles"`
	Flights []flightReport `json:"flights"`
	Unseen  int            `json:"unseen"`
	Hidden  bool           `json:"hidden"`
}

type handleReport struct {
	Mechanism string         `json:"mechanism"`
	Scope     *string        `json:"scope"`
	Child     *processReport `json:"child"`
	Ended     bool           `json:"ended"`
	Age       *float64       `json:"age"`
	Holders   []holderReport `json:"holders"`
	InFlight  *bool          `json:"in_flight"`
}

type flightReport struct {
	Descriptors int            `json:"descriptors"`
	Holders     []holderReport `json:"holders"`
}

type processReport struct {
	PID     int    `json:"pid"`
	UID     *int   `json:"uid"`
	Command string `json:"command"`
}

type holderReport struct {
	processReport
	Descriptors []int `json:"descriptors"`
}

func printSight(w io.Writer, s handles.Sight) error {
	r := sightReport{Handles: []handleReport{}, Flights: []flightReport{}, Unseen: s.Unseen, Hidden: s.Hidden}
	for _, h := range s.Handles {
		one := handleReport{Mechanism: h.Mechanism, Ended: h.Ended, Holders: newHolders(h.Holders)}
		if h.Scope != "" {
			one.Scope = &h.Scope
		}
		if h.Child != nil {
			child := newProcessReport(*h.Child)
			one.Child = &child
		}
		if h.Age != nil {
			seconds := math.Round(h.Age.Seconds()*100) / 100 // the kernel's ticks
			one.Age = &seconds
		}
		if inFlight(s, h) {
			yes := true
			one.InFlight = &yes
		}
		r.Handles = append(r.Handles, one)
	}
	for _, f := range s.Flights {
		r.Flights = append(r.Flights, flightReport{f.Descriptors, newHolders(f.Holders)})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func newHolders(holders []handles.Holder) []holderReport {
	all := []holderReport{}
	for _, h := range holders {
		all = append(all, holderReport{newProcessReport(h.Process), h.Descriptors})
	}
	return all
}

func newProcessReport(p handles.Process) processReport {
	r := processReport{PID: p.PID, Command: p.Command}
	if p.UID >= 0 {
		r.UID = &p.UID
	}
	return r
}

// inFlight is known only if nobody was missed.
func inFlight(s handles.Sight, h handles.Handle) bool { return len(h.Holders) == 0 && s.Complete() }
