//go:build linux && (amd64 || arm64)

package mutations

// tripwires are defects of that mechanism.
var tripwires = []mutation{
	{
		name: "arm only one side of each pipe", file: "internal/bond/parcel.go",
		old: "		steps = p.arm(steps, &ends[i+1])\n", new: "",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL2_SIGKILL$",
	},
	{
		name: "arm only the first pipe", file: "internal/bond/parcel.go",
		old: "		steps = p.arm(steps, &ends[i])\n		steps = p.arm(steps, &ends[i+1])\n",
		new: "		if i == 0 {\n			steps = p.arm(p.arm(steps, &ends[i]), &ends[i+1])\n		}\n",
		pkg: "internal/bond", test: "^TestParcelIsArmed$",
	},
	{
		name: "another signal", file: "internal/bond/parcel.go",
		old: "clone.Int(unix.F_SETSIG), clone.Int(int(unix.SIGKILL))", new: "clone.Int(unix.F_SETSIG), clone.Int(int(unix.SIGTERM))",
		pkg: "internal/bond", test: "^TestParcelIsArmed$",
	},
	{
		name: "a wrong owner", file: "internal/bond/parcel.go",
		old: "p.self.Kind = ownerPID", new: "p.self.Kind = ownerPGRP",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL2_SIGKILL$",
	},
	{
		name: "the owner of a tree is its first process", file: "internal/bond/parcel.go",
		old: "p.self.Kind = ownerPGRP", new: "p.self.Kind = ownerPID",
		pkg: ".", test: "^TestContract$/^tree$/^TestB1_SIGKILLOfTheHolder$/^kin$",
	},
	{
		name: "what was armed is not looked at", file: "internal/bond/parcel.go",
		old: "Mask: unix.O_ASYNC, Want: unix.O_ASYNC,", new: "Mask: 0, Want: 0,",
		pkg: "internal/bond", test: "^TestSwallowed$/^by_the_child_itself$",
	},
	{
		name: "no proof before the first start", file: "internal/bond/tripwire.go",
		old: "return tripped[t.scope].check(time.Now(), t.prove)", new: "_ = time.Now\n	return nil",
		pkg: "internal/bond", test: "^TestStartProves$",
	},
	{
		name: "a proof is trusted for ever", file: "internal/bond/prove.go",
		old: "if !p.at.IsZero() && now.Sub(p.at) < trusted {", new: "if !p.at.IsZero() {",
		pkg: "internal/bond", test: "^TestProofExpires$", often: true,
	},
	{
		name: "forget no_new_privs", file: "internal/bond/tripwire.go",
		old: "r.NoNewPrivs = !allowNewPrivs", new: "r.NoNewPrivs = false",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestP1_ChildHasNoNewPrivsAndParentKeeps$",
	},
	{
		name: "the handle leaks into children of the holder", file: "internal/bond/tripwire.go",
		old: "unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC", new: "unix.SOCK_SEQPACKET",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL9_HandleIsCloseOnExec$",
	},
	{
		name: "the peer of the handle stays open", file: "internal/bond/tripwire.go",
		old: "	if running.tellsExits() {\n		s.closePeer()\n", new: "	if running.tellsExits() {\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestE5_WaitFreesAll$",
	},
	{
		name: "each start leaves a descriptor open", file: "internal/bond/tripwire.go",
		old: "		_ = unix.Close(s.peer)\n", new: "",
		pkg: ".", test: "^TestEndurance$",
	},
	{
		name: "a child can ignore the signal, and a proof cannot", file: "internal/bond/tripwire.go",
		old: "	pending, sockets, err := p.clone(r)\n",
		new: "	for i := range p.shared {\n		if a := &p.shared[i].Args; a[1] == clone.Int(unix.F_SETSIG) {\n			a[2] = clone.Int(int(unix.SIGTERM))\n		}\n	}\n" +
			"	pending, sockets, err := p.clone(r)\n",
		pkg: ".", test: "^TestHostileChildren$/^tripwire$",
	},
	{
		name: "close the descriptors before arming", file: "internal/clone/compile.go",
		old: "		steps = Inherit(steps, r.Files)\n",
		new: "		steps = append(Inherit(steps[:len(steps)-len(r.Prologue)], r.Files), r.Prologue...)\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL2_SIGKILL$",
	},
	{
		name: "arm after the exec", file: "internal/bond/tripwire.go",
		old: `	p.begin(r)
	if p.scope == ScopeTree {
		p.seal(r)
	}
	pending, err = ours.clone(p, r)
`,
		new: `	if pending, err = ours.clone(p, r); err == nil {
		time.Sleep(5 * time.Millisecond)
		var bound socketPair
		if bound, err = attachToPending(pending.Pid()); err == nil {
			sockets.close()
			sockets, pair[0] = bound, int(bound.handle.Fd())
		}
	}
`,
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL7_KillAtAnyMoment$",
	},
	{
		name: "the child is not asked whose it is", file: "internal/bond/parcel.go",
		old: "Mask: ^uintptr(0), Want: uintptr(os.Getpid())}", new: "Want: 0 * uintptr(os.Getpid())}",
		pkg: ".", test: "^TestEdges$/^unshared_PID_namespace$",
	},
	{
		name: "the child inherits its own handle", file: "internal/bond/tripwire.go",
		old: "if slices.Contains(r.Files, pair[0]) || slices.Contains(r.Files, pair[1]) {", new: "if slices.Contains(r.Files, -3) {",
		pkg: ".", test: "^TestEdges$/^closed_standard_streams$",
	},
	{
		name: "the kernel is not asked to name senders", file: "internal/bond/tripwire.go",
		old: "unix.SO_PASSCRED, 1)", new: "unix.SO_PASSCRED, 0)",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL3_FromFile$",
	},
	{
		name: "the description names another process", file: "internal/bond/parcel.go",
		old: "Args: [6]clone.Arg{clone.Load(&p.self.Pid)}, Result: &p.description.control.pidfd,",
		new: "Args: [6]clone.Arg{clone.Int(os.Getpid())}, Result: &p.description.control.pidfd,",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL3_FromFile$",
	},
}
