//go:build linux && (amd64 || arm64)

package mutations

// choices are refusals that are forgotten.
var choices = []mutation{
	{
		name: "a child out of reach by its uid is started", file: "internal/bond/choose.go",
		old: "	case w.OtherUID:\n", new: "	case w.OtherUID && w.Setuid:\n",
		pkg: "internal/bond", test: "^TestChoose$",
	},
	{
		name: "a child out of reach in a PID namespace is started", file: "internal/bond/choose.go",
		old: "	if w.NewPIDNS {\n		return plan, unsupported(inOtherPIDNamespace)\n	}\n", new: "",
		pkg: "internal/bond", test: "^TestChoose$",
	},
	{
		name: "the child keeps CAP_SETUID", file: "internal/bond/choose.go",
		old: "	plan.DropSetuid = f.Setuid\n", new: "",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL6_BecomesAnotherUserByCapability$",
	},
	{
		name: "without no_new_privs for everybody", file: "internal/bond/choose.go",
		old: "if w.AllowNewPrivs && !f.SysAdmin {", new: "if w.AllowNewPrivs && !f.SysAdmin && w.Kind > Tripwire {",
		pkg: "internal/bond", test: "^TestChoose$",
	},
	{
		name: "another mechanism than was asked for", file: "internal/bond/choose.go",
		old: "	if f.Native != nil {\n		return plan, f.Native\n	}\n", new: "	if f.Native != nil {\n		return chooseTripwire(w, f)\n	}\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestR3_OtherMechanismIsNoSubstitute$",
	},
	{
		name: "a shared descriptor table", file: "pidfd/clone.go",
		old: "	case has(CloneFiles):\n", new: "	case has(CloneFiles | CloneThread):\n",
		pkg: "pidfd", test: "^TestCloneCheck$",
	},
	{
		name: "attach an init", file: "internal/bond/attachable.go",
		old: "	case t.inner == 1:\n", new: "	case t.inner == 1 && t.kthread:\n",
		pkg: "internal/bond", test: "^TestAttachable$",
	},
	{
		name: "attach another user's process", file: "internal/bond/attachable.go",
		old: "	case !a.reaches(t):\n", new: "	case !a.reaches(t) && t.kthread:\n",
		pkg: "internal/bond", test: "^TestAttachable$",
	},
	{
		name: "attach without a second look", file: "internal/bond/wire.go",
		old: "	if ended(observer) {\n		return made, os.ErrProcessDone\n	}\n", new: "",
		pkg: "internal/bond", test: "^TestPidReuse$",
	},
	{
		name: "a failed attach kills", file: "internal/bond/wire.go",
		old: "		_, _ = unix.FcntlInt(uintptr(end), unix.F_SETOWN, 0)\n		_, _ = unix.FcntlInt(uintptr(end), unix.F_SETFL, 0)\n", new: "		_ = end\n",
		pkg: "internal/bond", test: "^TestDisarm$",
	},
	{
		name: "attach arms one side", file: "internal/bond/wire.go",
		old: "	for _, end := range e {\n		if _, err := unix.FcntlInt(uintptr(end), unix.F_SETFL, unix.O_ASYNC); err != nil {",
		new: "	for _, end := range e[:1] {\n		if _, err := unix.FcntlInt(uintptr(end), unix.F_SETFL, unix.O_ASYNC); err != nil {",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestB2_AsIfStarted$/^TestL2_SIGKILL$",
	},
}
