package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"

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
  would_use     string   "native", "tripwire", or "" if nothing works; for
                         scope process
  mechanisms    array    of objects, the best mechanism first:
    mechanism   string   "native" or "tripwire"
    works       boolean
    why_not     string   only if it does not work
  scopes        array    of objects, with why_not as above and
    scope       string   "process", "tree" or "pidns"
    would_use   string   as above, for this scope`

// report is what probe prints; its JSON is described in the help.
type report struct {
	Kernel       string            `json:"kernel"`
	Architecture string            `json:"architecture"`
	UID          int               `json:"uid"`
	WouldUse     string            `json:"would_use"`
	Mechanisms   []mechanismReport `json:"mechanisms"`
	Scopes       []scopeReport     `json:"scopes"`
}

type mechanismReport struct {
	Mechanism string `json:"mechanism"`
	Works     bool   `json:"works"`
	WhyNot    string `json:"why_not,omitempty"`
}

type scopeReport struct {
	Scope    string `json:"scope"`
	WouldUse string `json:"would_use"`
	WhyNot   string `json:"why_not,omitempty"`
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
			r := newReport(kernelRelease(), os.Geteuid(), autokill.Probe(), attempts())
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

// attempt is what came of a start in a scope.
type attempt struct {
	scope     autokill.Scope
	mechanism autokill.Mechanism // that was chosen, if err is nil
	err       error
}

func attempts() []attempt {
	var all []attempt
	for _, scope := range []autokill.Scope{autokill.ScopeProcess, autokill.ScopeTree, autokill.ScopePIDNamespace} {
		a := attempt{scope: scope}
		a.mechanism, a.err = try(scope)
		all = append(all, a)
	}
	return all
}

// try starts what cannot be executed: a directory. All that a scope takes comes before that.
func try(scope autokill.Scope) (autokill.Mechanism, error) {
	cmd := &autokill.Cmd{Path: "/", Args: []string{"/"}, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Scope: scope}
	err := cmd.Start()
	var own *autokill.OpError
	var path *fs.PathError
	if !errors.As(err, &own) || !errors.As(err, &path) || path.Path != cmd.Path {
		return autokill.Best, err
	}
	switch {
	case path.Op == opStart:
		return autokill.Best, path.Err // nobody has asked for this program
	case path.Op == opExec && errors.Is(err, syscall.EACCES):
		return own.Mechanism, nil
	}
	return autokill.Best, err
}

// newReport takes the mechanisms in the order in which they are preferred.
func newReport(kernel string, uid int, supports []autokill.Support, attempts []attempt) report {
	r := report{Kernel: kernel, Architecture: runtime.GOARCH, UID: uid, Mechanisms: []mechanismReport{}, Scopes: []scopeReport{}}
	for _, s := range supports {
		m := mechanismReport{Mechanism: s.Mechanism.String(), Works: s.Err == nil}
		if s.Err != nil {
			m.WhyNot = oneLine(reason(s.Err))
		} else if r.WouldUse == "" {
			r.WouldUse = m.Mechanism
		}
		r.Mechanisms = append(r.Mechanisms, m)
	}
	for _, a := range attempts {
		s := scopeReport{Scope: a.scope.String()}
		if a.err != nil {
			s.WhyNot = oneLine(reason(a.err))
		} else {
			s.WouldUse = a.mechanism.String()
		}
		r.Scopes = append(r.Scopes, s)
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
	text := fmt.Sprintf("kernel: %s\narchitecture: %s\nuser: %s\n", r.Kernel, r.Architecture, user)
	for _, m := range r.Mechanisms {
		verdict := "works"
		if !m.Works {
			verdict = "no: " + m.WhyNot
		}
		text += m.Mechanism + ": " + verdict + "\n"
	}
	if r.WouldUse == "" {
		return text + "would use: nothing, autokill cannot keep its promise here\n"
	}
	for _, s := range r.Scopes {
		verdict := "would use " + s.WouldUse
		if s.WouldUse == "" {
			verdict = "no: " + s.WhyNot
		}
		text += "scope " + s.Scope + ": " + verdict + "\n"
	}
	return text
}
