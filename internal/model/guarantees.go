package model

import (
	"fmt"
	"strings"
)

// Columns of the tables of docs/guarantees.md.
var columns = []struct {
	name string
	bond Bond
}{
	{"native", Bond{Mechanism: Native}},
	{"tripwire", Bond{Mechanism: Tripwire}},
	{"tree", Bond{Mechanism: Tripwire, Scope: Tree}},
	{"pidns, native", Bond{Mechanism: Native, Scope: PIDNamespace}},
	{"pidns, tripwire", Bond{Mechanism: Tripwire, Scope: PIDNamespace}},
	{"attached", Bond{Mechanism: Tripwire, Attached: true}},
	{"attached group", Bond{Mechanism: Tripwire, Scope: Group, Attached: true}},
}

// Guarantees is docs/guarantees.md. tests are the names of the tests that there are, of the
// suite or elsewhere: those that are named after a clause are its own.
func Guarantees(tests []string) string {
	var d strings.Builder
	d.WriteString(guaranteesHead)
	fates(&d)
	answers(&d)
	d.WriteString("\n## Clause by clause\n\nA scope or an attached process that is not named keeps the clause as its mechanism does.\n")
	for _, c := range Clauses() {
		c.write(&d, tests)
	}
	return d.String()
}

const guaranteesHead = `# Guarantees

What keeps each clause of [contract.md](contract.md), by which mechanism, which test shows it, and
where it ends. This page is printed from the model of the contract, internal/model
(` + "`go test ./autokilltest -run TestGuarantees -args -update`" + `), by which the suite decides who must live. What
was measured, and on which kernels, is in [evidence.md](evidence.md); why it works in
[mechanisms.md](mechanisms.md).

Native takes Linux 7.1, everything else 5.10. The kernels of [kernels.md](kernels.md)
share the suite, as root and as an ordinary user (there is how); it runs in the places of
[sandboxes.md](sandboxes.md), too. Where a mechanism cannot keep a clause, the start is refused (R3, R5).
`

// fates is who lives, as the model says.
func fates(d *strings.Builder) {
	d.WriteString("\n## Who lives\n\n\"Lives or dies\" is what nobody promises. The holder is an ordinary user.\n\n| what happens |")
	for _, c := range columns {
		fmt.Fprintf(d, " %s |", c.name)
	}
	d.WriteString("\n" + strings.Repeat("|---", len(columns)+1) + "|\n")
	for _, s := range Stories {
		fmt.Fprintf(d, "| %s |", s.Name)
		for _, c := range columns {
			f, err := s.Play(c.bond)
			if err != nil {
				fmt.Fprintf(d, " %v |", err)
				continue
			}
			fmt.Fprintf(d, " %v |", f)
		}
		d.WriteString("\n")
	}
}

// asked are the wishes and the holders of the second table.
var asked = []struct {
	name   string
	holder Holder
	wish   Wish
}{
	{"nothing special, an ordinary user", Holder{}, Wish{}},
	{"the same in a sealed tree", Holder{Sealed: true}, Wish{}},
	{"without no_new_privs, an ordinary user", Holder{}, Wish{NewPrivs: true}},
	{"the same, root of a container", Holder{SysAdmin: true, Setuid: true}, Wish{NewPrivs: true}},
	{"the same, root", Holder{SysAdmin: true, Setuid: true, Everywhere: true}, Wish{NewPrivs: true}},
	{"another user, root of a container", Holder{SysAdmin: true, Setuid: true}, Wish{OtherUser: true}},
	{"the same, root", Holder{SysAdmin: true, Setuid: true, Everywhere: true}, Wish{OtherUser: true}},
	{"an init of a PID namespace by SysProcAttr, root", Holder{SysAdmin: true, Setuid: true, Everywhere: true}, Wish{Init: true}},
	{"CLONE_THREAD, CLONE_PARENT, an exit signal", Holder{}, Wish{Thread: true}},
	{"CLONE_FILES", Holder{}, Wish{SharedFiles: true}},
}

// answers is what becomes of a start.
func answers(d *strings.Builder) {
	started := columns[:5]
	d.WriteString("\n## What is started\n\n| asked for, by whom |")
	for _, c := range started {
		fmt.Fprintf(d, " %s |", c.name)
	}
	d.WriteString("\n" + strings.Repeat("|---", len(started)+1) + "|\n")
	for _, a := range asked {
		fmt.Fprintf(d, "| %s |", a.name)
		for _, c := range started {
			fmt.Fprintf(d, " %v |", c.bond.Answers(a.holder, a.wish))
		}
		d.WriteString("\n")
	}
}

func (c Clause) write(d *strings.Builder, tests []string) {
	fmt.Fprintf(d, "\n### %s\n\n%s\n\n| | Linux | kept by |\n|---|---|---|\n", c.ID, c.Says)
	for _, row := range []struct{ by, since, how string }{
		{"native", "7.1", c.Native},
		{"tripwire", "5.10", c.Tripwire},
		{"tree", "5.10", c.Tree},
		{"pidns", "5.10", c.PIDNamespace},
		{"attached", "5.10", c.Attached},
	} {
		if row.how != "" {
			fmt.Fprintf(d, "| %s | %s | %s |\n", row.by, row.since, row.how)
		}
	}
	fmt.Fprintf(d, "\nShown by: %s.\n", strings.Join(c.shownBy(tests), ", "))
	if len(c.Limits) > 0 {
		d.WriteString("\nLimits:\n\n")
	}
	for _, limit := range c.Limits {
		fmt.Fprintf(d, "- %s\n", limit)
	}
}

// shownBy is the tests that are named after the clause, and the others.
func (c Clause) shownBy(tests []string) []string {
	var own []string
	for _, name := range tests {
		if strings.HasPrefix(name, "Test"+c.ID+"_") {
			own = append(own, name)
		}
	}
	return append(own, c.Tests...)
}
