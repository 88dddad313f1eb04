//go:build linux && (amd64 || arm64)

package mutations

// endings are defects of closing, reaping and telling.
var endings = []mutation{
	{
		name: "close before the signal", file: "internal/bond/follow.go",
		old: "	c.Kill()\n", new: "",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestB4_CloseDespiteACopy$",
	},
	{
		name: "Close does not close", file: "process.go",
		old: "		p.child.Drop()\n", new: "",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL3_TheReceiverCloses$",
	},
	{
		name: "status made up as 0", file: "internal/bond/tripwire.go",
		old: "			return posthumous(context.Background(), c)\n", new: "			_ = context.Background\n			return Ending{Known: true}\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestE4_SomebodyElseWaits$",
	},
	{
		name: "who attaches reaps somebody else's child", file: "internal/bond/attach.go",
		old: "exit, ended, err := c.Observer.Peek()", new: "exit, ended, err := c.Observer.Reap()",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestB2_OSExecWaits$",
	},
	{
		name: "reaping twice", file: "internal/bond/adopt.go",
		old: "	if !a.attached && ours.claim(a.started, c) == c {\n", new: "	if !a.attached && ours.claim(a.started, c) != nil {\n",
		pkg: "internal/bond", test: "^TestAdoptedDoesNotReap$",
	},
	{
		name: "the child is not reaped", file: "internal/bond/tripwire.go",
		old: "	exit, ended, err := c.Observer.Reap()\n", new: "	exit, ended, err := c.Observer.Peek()\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestE1_NoZombieWithoutWait$",
	},
	{
		name: "reaping takes a tracer's stop", file: "pidfd/kernel_linux.go",
		old: "	if _, ended, err := peek(n); err != nil || !ended {\n		return Exit{}, false, err\n	}\n", new: "",
		pkg: "pidfd", test: "^TestReapLeavesStops$",
	},
	{
		name: "a traced thread is left to its tracer, which is us", file: "internal/bond/follow.go",
		old: "	c.condemn()\n	return Ending{}, false\n", new: "	return Ending{}, false\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL1_TracedByItsHolder$",
	},
	{
		name: "a kill that is no Close leaves it to us", file: "internal/bond/child.go",
		old: "sig == syscall.SIGKILL", new: "sig == syscall.SIGKILL && false",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL1_TracedByItsHolder$",
	},
	{
		name: "who was attached is reaped by a second holder", file: "internal/bond/adopt.go",
		old: "attached: int(maker.Pid) != pid", new: "attached: maker.Pid < 0",
		pkg: ".", test: "^TestAttachedIsLeftToItsParent$",
	},
	{
		name: "an orphan that lives keeps the others waiting", file: "internal/bond/ours.go",
		old: "			all.Go(func() {\n				reapOrphan(pid)\n				ours.orphan(pid, false)\n			})\n", new: "			reapOrphan(pid)\n",
		pkg: "internal/bond", test: "^TestReapOrphans$",
	},
	{
		name: "the monitor is forgotten at the second exec", file: "internal/bond/ours.go",
		old: "append([]*pidfd.FD{child.Observer}, child.outer...)", new: "[]*pidfd.FD{child.Observer}",
		pkg: "internal/bond", test: "^TestUnreaped$",
	},
	{
		name: "a start under way is forgotten at an exec", file: "internal/bond/ours.go",
		old: "		r.begun[p] = pending.Pid()\n", new: "",
		pkg: ".", test: "^TestExecDuringStarts$",
	},
	{
		name: "registry forgotten", file: "process.go",
		old: "		bereaved.Store(p, nil)\n", new: "",
		pkg: ".", test: "^TestContract$/^tree$/^TestB1_GarbageAfterTheEndOfTheChild$",
	},
	{
		name: "Wait leaves the rest of a tree", file: "process.go",
		old: "	_ = p.Close()\n	return &p.state, nil\n", new: "	return &p.state, nil\n",
		pkg: ".", test: "^TestContract$/^tree$/^TestB1_TheChildEndsFirst$",
	},
	{
		name: "Close kills who was released", file: "process.go",
		old: "	if p.closed || p.released {\n		return nil\n	}\n", new: "	if p.closed {\n		return nil\n	}\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestE5_ReleasedProcess$",
	},
	{
		name: "Stop does not kill who does not listen", file: "process.go",
		old: "		if err := p.kill(); err != nil &&", new: "		if err := ctx.Err(); err != nil &&",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestE3_StopKillsWhoDoesNotListen$",
	},
	{
		name: "nobody is left whoever is", file: "internal/bond/group.go",
		old: "	return occupied // EPERM too\n", new: "	return deserted // EPERM too\n",
		pkg: ".", test: "^TestContract$/^tree$/^TestB1_ReleaseAfterTheEndOfTheChild$",
	},
	{
		name: "the supported mask of 7.1 in the place of 6.19", file: "pidfd/info_parse.go",
		old: "if len(reply) >= infoSize && u64(80) != 0 {", new: "if len(reply) < 0 {",
		pkg: "pidfd", test: "^TestParseInfoSizes$",
	},
}
