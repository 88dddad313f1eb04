package model

var endings = []Clause{
	{
		ID: "E1", Says: "No zombie, and no Wait is needed.",
		Native: "CLONE_AUTOREAP", Tripwire: "one goroutine waits for all children and reaps; after the starter's end an init does",
		PIDNamespace: "the init reaps inside, we reap the init, and the monitor", Attached: "its parent reaps it, not we",
		Tests:  []string{"TestPIDNamespaceReapsForUs", "TestAdoptedDoesNotReap", "TestOrphansAreReaped", "TestReapLeavesStops"},
		Limits: []string{"A tracer comes before the parent: until it has reaped, the child is a zombie."},
	},
	{
		ID: "E2", Says: "The status can be read as often as one likes; unknown is never 0.",
		Native: "PIDFD_GET_INFO, after POLLHUP", Tripwire: "waitid by the starter; others ask PIDFD_GET_INFO since Linux 6.15, and before read it from the queue, where the starter leaves it",
		PIDNamespace: "the init tells, on every kernel", Attached: "known to the parent, and to others since 6.15 once it was reaped",
		Tests:  []string{"TestParseInfoSizes", "TestEnding"},
		Limits: []string{"Where waitid and wait4 are both denied, no end is reported: the child is dead and Done stays open.", "Resource usage is not known of a native child, unless it is in a PID namespace, whose init tells it.", "Of a child that is killed in the middle of an exec from a thread that is not the leader, PIDFD_GET_INFO can tell what the leader ended with, which that exec has ended: exit status 0, seen once on Linux 7.3. It concerns who has the status from there: native, and a command in a PID namespace whose init was killed with it."},
	},
	{
		ID: "E3", Says: "The end can be waited for.",
		Native: "poll on the observer", Tripwire: "the same", Tests: []string{"TestWait", "TestOneWaiter"},
		Limits: []string{"Where a filter denies poll after the start, a child of our own is waited for by waitid; the end of one that is not ours is told when poll works again. The bond is not concerned."},
	},
	{
		ID: "E4", Says: "Somebody else's wait breaks nothing.",
		Native: "wait never has the status", Tripwire: "the observer tells the end; the status by PIDFD_GET_INFO since 6.15, before it can be unknown",
		PIDNamespace: "the status comes from the init",
	},
	{
		ID: "E5", Says: "Wait closes; Release and garbage kill nobody.",
		Native: "who waits for all children keeps the Process", Tripwire: "the same", Tree: "a registry keeps the handle while others are left",
	},
}

var refusals = []Clause{
	{
		ID: "R1", Says: "Flags that would break the bond: EINVAL.",
		Native: "checked before the kernel is asked, by its own rules", Tripwire: "the same check",
		Tests: []string{"TestCloneCheck", "TestCloneCheckLattice", "TestCloneCheckKernel", "TestStartRefuses"},
	},
	{
		ID: "R2", Says: "A shared descriptor table: EINVAL.",
		Native: "the same check", Tripwire: "the same check", Tests: []string{"TestCloneCheck"},
	},
	{
		ID: "R3", Says: "Where the contract cannot be kept: errors.ErrUnsupported.",
		Native: "the bit is looked at after each clone3", Tripwire: "each arming is read back, and a proof that kills a child is not older than a minute",
		Tree: "the child proves that it leads its group", PIDNamespace: "what cannot be had is named: namespaces, mounts, the execution of a memfd",
		Tests: []string{"TestContractElsewhere", "TestSwallowed", "TestStartProves", "TestNativeWithoutBit", "TestStartWithoutBit", "TestProofExpires", "TestPIDNamespaceRefused"},
	},
	{
		ID: "R4", Says: "No handle, a tampered one, a pid that is gone: an error, no kill.",
		Native: "the bit, and the file is a pidfd", Tripwire: "what is in the queue, how many descriptors, who has sent it; read without taking",
		Attached: "a pidfd, asked again before arming",
		Tests:    []string{"TestAdoptDistrusts", "TestReceiveDistrusts", "TestParseRecord", "FuzzAdopt", "FuzzParseRecord", "TestTakeOverKeepsNone", "TestHandOverIsConfirmed"},
		Limits:   []string{"Whether a tripwire was disarmed by a co-holder, or a part of it is held elsewhere, cannot be known: co-holders must be trusted. Native has no such part."},
	},
	{
		ID: "R5", Says: "Whom the mechanism cannot kill is refused.",
		Native: "reaches everybody, the init of a PID namespace too", Tripwire: "an init, another user, a thread of the kernel: refused by a pure function",
		Tree: "a tree in a tree, another group", PIDNamespace: "in a sealed tree", Attached: "the same, and itself, and a group that it does not lead",
		Tests: []string{"TestChoose", "TestChoosePIDNamespace", "TestAttachable", "TestEdges"},
	},
}

var beyond = []Clause{
	{
		ID: "B1", Says: "A scope binds all that the child ever starts.",
		Native: "not by itself: it kills one process, and ScopeTree is refused", Tripwire: "not by itself",
		Tree:         "nobody can leave the group, and the kernel walks it under the lock that every fork takes",
		PIDNamespace: "nobody outlives the init", Attached: "AttachGroup: who is in the group then; who has left it survives",
		Tests:  []string{"TestPrograms", "TestProvesThatItLeads"},
		Limits: []string{"What an outsider starts for the tree is the outsider's: systemd-run, at, a server that runs already. See \"Who can get out of a tree\" in [mechanisms.md](mechanisms.md)."},
	},
	{
		ID: "B2", Says: "A process that runs already can be bound.",
		Native: "not: it takes the clone", Tripwire: "Attach", Tree: "AttachGroup, which nothing seals", PIDNamespace: "not: it takes the start",
		Attached: "the clauses L1 to L5, L9, E3 and E5, by TestB2_AsIfStarted",
		Tests:    []string{"TestAttachable", "TestAttachedParcel", "TestDisarm"},
		Limits: []string{
			"The bond begins when all four pipe ends are armed; an attaching program that is killed before the first leaves the process as it was, in between either (TestL7_KilledAtEveryBoundary).",
			"A hostile process of the same user can open the pipe ends again while they are made: see [attach.md](attach.md) for how often.",
		},
	},
	{
		ID: "B3", Says: "Every kernel since 5.10, without a helper process.",
		Native: "Linux 7.1", Tripwire: "Linux 5.10", Tree: "Linux 5.10", PIDNamespace: "Linux 5.10; the init, and with a tripwire the monitor, are ours", Attached: "Linux 5.10",
		Tests: []string{"TestLedger"},
	},
	{
		ID: "B4", Says: "An ordinary Close by the only holder cannot lose the kill.",
		Native: "SIGKILL through the observer first, which the kernel retries; then the close", Tripwire: "the same",
		Tree:  "SIGKILL to the group, since Linux 6.9 by the pidfd of its leader",
		Tests: []string{"TestExecRace"},
		Limits: []string{
			"Who has shared the handle only closes it. Then the second pipe of a tripwire is the retry; native has the exec race.",
		},
	},
}
