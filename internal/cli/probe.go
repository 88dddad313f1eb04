package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/autokill/autokill"
)

const probeHelp = `Tell what this kernel and sandbox allow, what would be used, what is missing
and why. Each mechanism is tried by killing a child with it. Exit status: 0 if
one of them works, 125 otherwise.

--json prints one object with these fields, which stay as they are:
  kernel        string   release of the kernel, as uname -r
  architecture  string   amd64 or arm64
  uid           number   the user that asked (effective)
  would_use     string   "native", "tripwire", or "" if nothing works
  mechanisms    array    of objects, the best mechanism first:
    mechanism   string   "native" or "tripwire"
    works       boolean
    why_not     string   only if it does not work`

// report is what probe prints; its JSON is described in the help.
type report struct {
	Kernel       string            `json:"kernel"`
	Architecture string            `json:"architecture"`
	UID          int               `json:"uid"`
	WouldUse     string            `json:"would_use"`
	Mechanisms   []mechanismReport `json:"mechanisms"`
}

type mechanismReport struct {
	Mechanism string `json:"mechanism"`
	Works     bool   `json:"works"`
	WhyNot    string `json:"why_not,omitempty"`
}

func probeCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:                   "probe [--json]",
		Short:                 "tell what works here, and why something does not",
		Long:                  probeHelp,
		DisableFlagsInUseLine: true,
		Args:                  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := newReport(kernelRelease(), os.Geteuid(), autokill.Probe())
			if err := r.print(cmd.OutOrStdout(), asJSON); err != nil {
				return failed(err)
			}
			if r.WouldUse == "" {
				return exitWith(statusFailed)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// newReport takes the mechanisms in the order in which they are preferred.
func newReport(kernel string, uid int, supports []autokill.Support) report {
	r := report{Kernel: kernel, Architecture: runtime.GOARCH, UID: uid, Mechanisms: []mechanismReport{}}
	for _, s := range supports {
		m := mechanismReport{Mechanism: s.Mechanism.String(), Works: s.Err == nil}
		if s.Err != nil {
			m.WhyNot = oneLine(reason(s.Err))
		} else if r.WouldUse == "" {
			r.WouldUse = m.Mechanism
		}
		r.Mechanisms = append(r.Mechanisms, m)
	}
	return r
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	_, err := io.WriteString(w, r.text())
	return err
}

func (r report) text() string {
	user := fmt.Sprintf("uid %d", r.UID)
	if r.UID == 0 {
		user = "root"
	}
	use := r.WouldUse
	if use == "" {
		use = "nothing, autokill cannot keep its promise here"
	}
	text := fmt.Sprintf("kernel: %s\narchitecture: %s\nuser: %s\nwould use: %s\n", r.Kernel, r.Architecture, user, use)
	for _, m := range r.Mechanisms {
		verdict := "works"
		if !m.Works {
			verdict = "no: " + m.WhyNot
		}
		text += m.Mechanism + ": " + verdict + "\n"
	}
	return text
}
