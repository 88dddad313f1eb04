//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"maps"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/testproc"
)

// Subject is what is held to the contract.
type Subject struct {
	// Mechanism and Scope must be in force in every child of Command.
	Mechanism autokill.Mechanism
	Scope     autokill.Scope
	// Command makes a command that was not started. It runs in helper processes
	// too, so it must not depend on the state of the test.
	Command func(name string, args ...string) *autokill.Cmd
}

// Subjects have names, by which helper processes find them.
type Subjects map[string]Subject

// Role is something that the test binary plays in a process of its own. It
// returns the exit status.
type Role = func(args []string) int

// Main is for TestMain and does not return. A run ends with a check that no
// process, descriptor or goroutine was left behind. The caller can add roles of its
// own, to be played by processes that [Helper] makes.
func Main(m *testing.M, subjects Subjects, roles map[string]Role) {
	all := map[string]Role{
		holderRole:   func(args []string) int { return hold(subjects, args, startCommand) },
		crowdRole:    func(args []string) int { return crowd(subjects, args) },
		hostileRole:  hostile,
		breederRole:  func(args []string) int { return breed(subjects, args) },
		sealedRole:   trySeal,
		receiverRole: receiver,
		dynastyRole:  func(args []string) int { return dynasty(subjects, args) },
		walkerRole:   func(args []string) int { return walkerOf(subjects, args) },
		giverRole:    func(args []string) int { return giver(subjects, args) },
		takerRole:    func(args []string) int { return taker(subjects, args) },
		familyRole:   func(args []string) int { return playFamily(subjects, args) },
		binderRole:   func(args []string) int { return hold(subjects, args, startAndAttach) },
		clingerRole:  cling,
		nesterRole:   nest,
		starvedRole:  starve,
		enteringRole: entering,
		watchedRole:  func(args []string) int { return watched(subjects, args) },
		besiegedRole: func(args []string) int { return beBesieged(subjects, args) },
		besiegerRole: func(args []string) int { return beginSiege(subjects, args) },
	}
	maps.Copy(all, roles)
	testproc.Main(m, all)
}

// Helper is this test binary in a role, to be started.
func Helper(role string, args ...string) *exec.Cmd { return testproc.Command(role, args...) }

// clause is one test. It is run in a goroutine of its own and may use all of t.
type clause struct {
	name string
	test func(t *testing.T, s suite)
}

// suite is what the clauses work on.
type suite struct {
	Subject
	name string
	// holder is how the holders are started, if not like us.
	holder *syscall.SysProcAttr
	// attached: the children are os/exec's, and bound when they run.
	attached bool
}

// Run runs every clause against the named subject.
func Run(t *testing.T, subjects Subjects, name string) {
	subject, ok := subjects[name]
	if !ok {
		t.Fatalf("there is no subject %q", name)
	}
	s := suite{Subject: subject, name: name}
	clauses := slices.Concat(lifetime, escapes, privileges, endings, refusals, beyond, travel, handover, walk)
	if subject.Scope == autokill.ScopeProcess {
		clauses = testproc.Half(clauses)
	} else { // the mechanism of the scope runs all of them
		clauses = append(testproc.Part(clauses), testproc.Half(descendants)...)
	}
	if subject.Scope == autokill.ScopeTree {
		clauses = append(clauses, testproc.Half(slices.Concat(bereaved, sealed))...)
	}
	if subject.Mechanism == autokill.Tripwire && subject.Scope == autokill.ScopeProcess {
		clauses = append(clauses, testproc.Half(attachments())...) // which need no subject, so once is enough
	}
	for _, c := range clauses {
		t.Run(c.name, func(t *testing.T) { c.test(t, s) })
	}
}

// times is how often a clause tries what chance decides: in full for docs/evidence.md, and
// least in the short form, which runs on many kernels, in machines that are slow.
func times(full, short int) int {
	switch {
	case evidence.Wanted():
		return full
	case testing.Short():
		return short
	}
	return max(short, full/5)
}
