package model

// Clause is one of docs/contract.md: what keeps it, what shows it, and where it ends. Tests
// of the suite that are named after it need not be listed.
type Clause struct {
	ID, Says string
	// How each mechanism and scope keeps it. Where a tree, a PID namespace or an attached
	// process has nothing of its own it is that of the mechanism.
	Native, Tripwire, Tree, PIDNamespace, Attached string

	Tests  []string // beyond those of its name
	Limits []string
}

// Clauses are all there are, in the order of docs/contract.md.
func Clauses() []Clause {
	var all []Clause
	for _, group := range [][]Clause{lifetime, privileges, endings, refusals, beyond} {
		all = append(all, group...)
	}
	return all
}

const execRace = "The exec race: the kernel looks its target up once and sends once. If the child is then in an exec from a thread that is not its leader, the signal of a *crash* can be lost on native. A tripwire sends twice, a group and an init cannot be missed, and an orderly Close signals first. Rates: [evidence.md](evidence.md)."

var lifetime = []Clause{
	{
		ID: "L1", Says: "The last reference to the handle goes: SIGKILL, by the kernel.",
		Native:       "release of the pidfd that clone3 returned (PIDFD_AUTOKILL)",
		Tripwire:     "release of the socket flushes its queue, with it a pipe end goes, and the armed other end sends SIGKILL (F_SETSIG, O_ASYNC)",
		Tree:         "the same, to the process group (F_OWNER_PGRP) that a seccomp filter keeps everybody in",
		PIDNamespace: "native kills the init; a tripwire kills the monitor, whose death kills the init (PR_SET_PDEATHSIG); the init's death kills all",
		Attached:     "the same parcel, made by the attaching program",
		Tests:        []string{"TestParcelIsArmed", "TestProve", "TestMutations"},
		Limits: []string{
			execRace,
			"Death waits for a core dump that is being written, and for threads in uninterruptible sleep. The bond has done its part: the process runs no instruction any more.",
			"A child can make its holder its tracer, unasked (PTRACE_TRACEME). The kernel then tells no end of it until the holder has collected the thread. After Close, Kill or SIGKILL to all the library does that: it looks after 50 ms and then ever less often, at last once a minute (TestL1_TracedByItsHolder). If the child ends by itself meanwhile, Done waits for one of these.",
			"A tracer with PTRACE_O_TRACEEXIT stops the killed child on its way out, before it has closed anything, and keeps it there for as long as it likes; another SIGKILL changes nothing. The child runs no instruction of its own any more, its end is not reported, and what it holds itself lives on meanwhile. It ends within milliseconds after the tracer has detached or ended (TestL1_TracedAtTheEnd; [evidence.md](evidence.md)).",
		},
	},
	{
		ID: "L2", Says: "Why the reference went does not matter.",
		Native:   "the kernel closes all descriptors of a process that ends or execs",
		Tripwire: "the same",
		Limits:   []string{"A process that is itself dumping core, or in uninterruptible sleep, closes its descriptors after that."},
	},
	{
		ID: "L3", Says: "References are to one open file; the last one decides.",
		Native: "the count of the open file", Tripwire: "the same",
		Limits: []string{
			"pidfd_getfd(2) takes a reference without the holder's help: whoever may trace the holder can.",
			"A reference in flight in a socket that nobody can receive from any more, because it is in flight itself, lives until the kernel's garbage collector of unix sockets runs.",
			"Each living child of a tripwire has 5 descriptors in flight, 7 in a PID namespace. They count against RLIMIT_NOFILE, per user over all processes: 52 children with a limit of 256, 103 with 512, 205 with 1024; then ETOOMANYREFS, and nothing is started. Root has the limit of its descriptor table only. Native has none in flight.",
		},
	},
	{
		ID: "L4", Says: "Observers neither keep nor kill.",
		Native:   "pidfd_open and open_by_handle_at give other files, without the bit",
		Tripwire: "the observer is a pidfd, the handle a socket, which cannot be opened again",
	},
	{
		ID: "L5", Says: "The bond is neither to a thread nor to the parent.",
		Native: "nothing refers to either", Tripwire: "the same: PR_SET_PDEATHSIG, which is a thread's, is not used",
		PIDNamespace: "the death signal of the init is that of the monitor, which is one thread, ours, and waits for ever",
		Tests:        []string{"TestHandover", "TestExecHandleIsOne"},
	},
	{
		ID: "L6", Says: "Nothing that the child does loosens the bond.",
		Native:       "the kernel checks no credentials for this signal",
		Tripwire:     "the pipe ends exist in the child only before its exec; no_new_privs, no CAP_SETUID, or a holder who reaches everybody",
		Tree:         "setsid and setpgid do nothing in the seal, in every ABI; no PID namespace can be made in it",
		PIDNamespace: "the init is ours and keeps its user; the command cannot signal it and, unless it is root, not trace it",
		Attached:     "only while it keeps its user, and if it did not re-open the pipe ends in the moment of the attach (B2)",
		Tests:        []string{"TestChoose", "TestApplyWish", "TestVerdicts", "TestProvesThatItLeads", "TestInitCannotBeKilledFromInside", "TestInitCannotBeTraced", "TestTracedCommand", "TestHostileChildren"},
		Limits: []string{
			"A range-mapped user namespace that somebody privileged writes for the child, or that its user owns already and it joins (not in a tree), lets it out of reach of an ordinary user's tripwire.",
			"A hostile process of the same user that watches /proc of a child just being started can open its pipe ends in the microseconds before the exec, and keep a tripwire from firing.",
			"Root, and whoever may trace the child or an unsealed process of the user, can do as they like.",
		},
	},
	{
		ID: "L7", Says: "There is no moment without the bond.",
		Native:       "child and bond are made by one system call",
		Tripwire:     "armed before the child gives up its own copy of the handle: if the holder has died, that is the last one",
		PIDNamespace: "native: one call. Tripwire: the init asks whether the monitor lives after it has set its death signal",
		Attached:     "the bond begins when all four pipe ends are armed; an attacher that is killed before the first leaves the process as it was, in between it may live or die",
		Tests:        []string{"TestHolderEndsBeforeTheExec", "TestHolderDiesAtTheGate", "TestMonitorEndsFirst", "TestKilledAtAnyMoment"},
	},
	{
		ID: "L8", Says: "Closing after the end does nothing, to nobody.",
		Native: "the file is of a process, not of a number", Tripwire: "the owner of an armed end is a struct pid, which no later process has",
		Tree: "a group that is deserted stays so", Attached: "the pid is looked at again through a pidfd before anything is armed",
		Tests: []string{"TestPidReuse"},
	},
	{
		ID: "L9", Says: "The handle does not leak.",
		Native: "pidfds are close-on-exec; close_range in the child closes all that was not asked for", Tripwire: "SOCK_CLOEXEC; the same close_range, before anything that can block",
		PIDNamespace: "monitor and init hold no descriptor of the holder",
		Tests:        []string{"TestFilesAreHeld", "TestOursHoldNothing", "TestReceivedIsCloseOnExec", "TestOnlyWhatWasAskedForIsInherited"},
		Limits:       []string{"A fork in the holder that does not exec has a copy of everything. That is L3."},
	},
}

var privileges = []Clause{
	{
		ID: "P1", Says: "The child has no_new_privs, the parent keeps what it had.",
		Native: "CLONE_NNP", Tripwire: "PR_SET_NO_NEW_PRIVS as the first step of the child", Attached: "it gets none: see B2",
	},
	{
		ID: "P2", Says: "Without no_new_privs takes CAP_SYS_ADMIN.",
		Native: "the kernel's rule, asked before", Tripwire: "the same rule; and who does not reach everybody gets errors.ErrUnsupported",
		PIDNamespace: "as native: the init keeps its user", Tests: []string{"TestChoose"},
	},
	{
		ID: "P3", Says: "No privilege is needed.",
		Native: "clone3 needs none", Tripwire: "fcntl on one's own pipes needs none", Tree: "a seccomp filter needs none with no_new_privs",
		PIDNamespace: "an ordinary user gets a user namespace with it; where those are forbidden it is refused by name",
	},
}
