package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const manHelp = `Print the manual page, made of the help that the subcommands print:

  autokill man | man -l -`

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man",
		Short: "print the manual page",
		Long:  manHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), manualPage(cmd.Root()))
			return failed(err)
		},
	}
}

// manualOnly is the annotation of a command with what its help has no room for.
const manualOnly = "manual"

// manualPage is a page for man(1), in the language of man(7).
func manualPage(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH AUTOKILL 1 \"\" \"%s\" \"User Commands\"\n", roff(root.Version))
	fmt.Fprintf(&b, ".SH NAME\nautokill \\- %s\n", roff(root.Short))
	b.WriteString(".SH SYNOPSIS\n.nf\n")
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			fmt.Fprintf(&b, "\\fBautokill %s\\fR\n", roff(c.Use))
		}
	}
	b.WriteString(".fi\n.SH DESCRIPTION\n" + paragraphs(root.Long))
	for _, c := range root.Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(c.Name()))
		long := c.Long
		if long == "" {
			long = c.Short
		}
		b.WriteString(paragraphs(long))
		if more := c.Annotations[manualOnly]; more != "" {
			b.WriteString(paragraphs(more))
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				b.WriteString(option(f))
			}
		})
	}
	b.WriteString(".SH SEE ALSO\nclone3(2), pidfd_open(2), signal(7), timeout(1)\n")
	return b.String()
}

// option is an entry for a flag.
func option(f *pflag.Flag) string {
	value, usage := pflag.UnquoteUsage(f)
	text := ".TP\n\\fB" + roff("--"+f.Name) + "\\fR"
	if value != "" {
		text += " \\fI" + roff(value) + "\\fR"
	}
	usage = strings.ReplaceAll(usage, "\n", " ")
	if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" {
		usage += " (default " + f.DefValue + ")"
	}
	return text + "\n" + roff(usage) + "\n"
}

// paragraphs sets what has an empty line between its parts. A part that is indented
// stays as it is.
func paragraphs(text string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(text, "\n\n") {
		if strings.Contains("\n"+part, "\n  ") {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(part))
		} else {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(part))
		}
	}
	return b.String()
}

// roff makes text that is no request, in ASCII hyphens that can be copied.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
