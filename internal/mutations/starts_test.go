//go:build linux && (amd64 || arm64)

package mutations

// starts are defects of the vector of system calls, and of what goes around it.
var starts = []mutation{
	{
		name: "file numbers are not held during the start", file: "held.go",
		old: "			startErr = holdFrom(i+1, files, numbers, start)\n		})\n		if err == nil {\n",
		new: "		})\n		if err == nil {\n			startErr = holdFrom(i+1, files, numbers, start)\n",
		pkg: ".", test: "^TestFilesAreHeld$",
	},
	{
		name: "the child inherits what nobody asked for", file: "internal/clone/inherit.go",
		old: "Args: [6]Arg{Int(rest), Int(math.MaxUint32)},", new: "Args: [6]Arg{Int(n + 1000), Int(math.MaxUint32)},",
		pkg: "internal/clone", test: "^TestOnlyWhatWasAskedForIsInherited$",
	},
	{
		name: "a failed start leaves descriptors behind", file: "internal/clone/start.go",
		old: "			closeOpened(p.r.Opened, v.tasks[0])\n", new: "			_ = closeOpened\n",
		pkg: "internal/clone", test: "^TestSharedTable$",
	},
	{
		name: "the parcel's descriptors stay in the holder's table", file: "internal/bond/parcel.go",
		old: "	for _, fd := range p.opened {\n		p.shared = append", new: "	for _, fd := range p.opened[:4] {\n		p.shared = append",
		pkg: "internal/bond", test: "^TestParcel$",
	},
	{
		name: "the child keeps the caller's signal handlers", file: "internal/clone/vector.go",
		old: "r.ownFlags() | unix.CLONE_CLEAR_SIGHAND | r.Flags", new: "r.ownFlags() | r.Flags",
		pkg: "internal/clone", test: "^TestSignalBeforeExec$",
	},
	{
		name: "the child keeps all signals blocked", file: "internal/clone/compile.go",
		old: "Int(unix.SIG_SETMASK), Addr(mask)", new: "Int(unix.SIG_BLOCK), Addr(mask)",
		pkg: "internal/clone", test: "^TestMaskAndDispositions$",
	},
	{
		name: "a step that fails is not told", file: "internal/clone/vector.go",
		old: "			return stepError(step, syscall.Errno(t.result))\n", new: "			return nil\n",
		pkg: "internal/clone", test: "^TestFailingStepIsNamed$",
	},
	{
		name: "a child that was killed before its exec is a success", file: "internal/clone/vector.go",
		old: "			return stepError(t.Steps[t.at], ErrNotStarted)\n", new: "			return nil\n",
		pkg: "internal/bond", test: "^TestProve$",
	},
	{
		name: "a child that failed stays a zombie", file: "internal/clone/start.go",
		old: "		c.discard()\n", new: "",
		pkg: ".", test: "^TestRefusedStarts$",
	},
	{
		name: "exec without no_new_privs", file: "internal/bond/become.go",
		old: "unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)", new: "unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)",
		pkg: "internal/bond", test: "^TestBecome$",
	},
	{
		name: "exec keeps CAP_SETUID", file: "internal/bond/become.go",
		old: "	if p.DropSetuid {\n", new: "	if p.DropSetuid && p.UserNamespace {\n",
		pkg: "internal/bond", test: "^TestBecomeDropsSetuid$",
	},
	{
		name: "exec of a program that would hold itself", file: "internal/bond/become.go",
		old: "		if parcel.isFirstIn(fd) {\n", new: "		if parcel.isFirstIn(-1) {\n",
		pkg: "internal/bond", test: "^TestBecomeRefused$",
	},
	{
		name: "exec of who leads a group with others in it", file: "internal/bond/become.go",
		old: "	if err == nil && other != 0 {", new: "	if err == nil && other < 0 {",
		pkg: "internal/bond", test: "^TestBecomeRefused$",
	},
	{
		name: "a start with other ids leaves the program undumpable", file: "internal/clone/start.go",
		old: "	v.wait(p.r)\n	if p.r.Credential != nil {\n		dumpable.leave()\n	}\n", new: "	v.wait(p.r)\n",
		pkg: ".", test: "^TestCredentialLeavesTheParentDumpable$",
	},
}
