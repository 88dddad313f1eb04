//go:build linux && (amd64 || arm64)

package mutations

// scopes are defects of trees and PID namespaces.
var scopes = []mutation{
	{
		name: "forget the seal", file: "internal/bond/tripwire.go",
		old: "		p.seal(r)\n", new: "		r.Setpgid = true\n",
		pkg: ".", test: "^TestContract$/^tree$/^TestB1_SIGKILLOfTheHolder$/^kin$",
	},
	{
		name: "seal without i386", file: "internal/seal/abi.go",
		old: "{unix.AUDIT_ARCH_I386, 0, map", new: "{unix.AUDIT_ARCH_S390, 0, map",
		pkg: "internal/seal", test: "^TestVerdicts$", often: true,
	},
	{
		name: "seal without x32", file: "internal/seal/abi.go",
		old: "{unix.AUDIT_ARCH_X86_64, x32, map", new: "{unix.AUDIT_ARCH_X86_64, 0, map",
		pkg: "internal/seal", test: "^TestVerdicts$",
	},
	{
		name: "the seal lets setsid through", file: "internal/seal/table.go",
		old: "	{call: setsid},\n", new: "",
		pkg: "internal/seal", test: "^TestVerdicts$",
	},
	{
		name: "the seal lets clone3 through", file: "internal/seal/table.go",
		old: "	{call: clone3, answer: unix.ENOSYS},\n", new: "",
		pkg: "internal/seal", test: "^TestVerdicts$",
	},
	{
		name: "the seal lets PID namespaces through", file: "internal/seal/table.go",
		old: "	{unshare, hasAny, 0, unix.CLONE_NEWPID, unix.EPERM},\n", new: "",
		pkg: "internal/seal", test: "^TestVerdicts$",
	},
	{
		name: "the leader of a tree proves nothing", file: "internal/bond/tree.go",
		old: "Mask: ^uintptr(0), Equal: &p.self.Pid}", new: "Mask: 0, Equal: nil}",
		pkg: "internal/bond", test: "^TestProvesThatItLeads$",
	},
	{
		name: "Close of a tree kills its first process only", file: "internal/bond/group.go",
		old: "g.observer.Signal(unix.SIGKILL, pidfd.ToProcessGroup)", new: "g.observer.Signal(unix.SIGKILL, pidfd.ToReferent)",
		pkg: ".", test: "^TestContract$/^tree$/^TestB4_CloseDespiteACopy$",
	},
	{
		name: "an init without a death signal", file: "internal/pidns/steps.go",
		old: "clone.Int(unix.PR_SET_PDEATHSIG), clone.Int(int(unix.SIGKILL))", new: "clone.Int(unix.PR_SET_PDEATHSIG), clone.Int(0)",
		pkg: ".", test: "^TestContract$/^pidns by tripwire$/^TestL2_SIGKILL$",
	},
	{
		name: "a monitor whose end kills nobody", file: "internal/pidns/namespace.go",
		old: "fork := p.init.Fork(forkInit, flags&^unix.CLONE_INTO_CGROUP|uint64(unix.SIGCHLD))",
		new: "fork := p.init.Fork(forkInit, flags&^unix.CLONE_INTO_CGROUP|unix.CLONE_PARENT)",
		pkg: ".", test: "^TestContract$/^pidns by tripwire$/^TestL3_Dup$",
	},
	{
		name: "an init that does not ask whether the monitor lives", file: "internal/pidns/steps.go",
		old: "			Name: stepAlive, Nr: unix.SYS_PPOLL, Mask: ^uintptr(0),\n", new: "			Name: stepAlive, Nr: unix.SYS_PPOLL,\n",
		pkg: "internal/pidns", test: "^TestMonitorEndsFirst$",
	},
	{
		name: "the command does not wait for its namespace", file: "internal/pidns/namespace.go",
		old: "r.Prologue, r.Waits = p.commandSteps(), p.waitSteps(len(r.Files))", new: "r.Prologue = p.commandSteps()",
		pkg: "internal/pidns", test: "^TestPlan$",
	},
	{
		name: "monitor and init keep descriptors of others", file: "internal/pidns/steps.go",
		old: "	steps = clone.Inherit(steps, append(files, p.program))\n",
		new: "	kept := clone.Inherit(steps, append(files, p.program))\n	steps = kept[:len(kept)-1]\n",
		pkg: "internal/pidns", test: "^TestOursHoldNothing$",
	},
	{
		name: "a signal for everybody travels as an ordinary one", file: "internal/pidns/signal.go",
		old: "const carrier = unix.Signal(32)", new: "const carrier = unix.SIGUSR2",
		pkg: "internal/pidns", test: "^TestSignalAllWithoutRoom$",
	},
}
