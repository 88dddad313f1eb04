//go:build linux && (amd64 || arm64)

package mutations

// travelling are defects of handles that go from one holder to another.
var travelling = []mutation{
	{
		name: "receive without distrust of the sender", file: "internal/bond/adopt.go",
		old: "if err := couldKill(m.sender, observer); err != nil {", new: "if err := couldKill(m.sender, observer); err != nil && size < 0 {",
		pkg: "internal/bond", test: "^TestAdoptDistrusts$",
	},
	{
		name: "a group is signalled with the receiver's rights", file: "internal/bond/adopt.go",
		old: "group{pid, observer, by}", new: "group{leader: pid, observer: observer}",
		pkg: "internal/bond", test: "^TestAdoptedGroup$",
	},
	{
		name: "who has become another's is signalled", file: "internal/bond/adopt.go",
		old: "refusal(by, pid, observer)", new: "refusal(nil, pid, observer)",
		pkg: "internal/bond", test: "^TestAdoptedBecomesRoot$",
	},
	{
		name: "anybody is taken for an init", file: "internal/bond/adopt_pidns.go",
		old: "		err = notOurInit(pid, command, init)\n", new: "		_ = notOurInit\n",
		pkg: "internal/bond", test: "^TestAdoptDistrusts$",
	},
	{
		name: "the descriptors in the queue are not counted", file: "internal/bond/distrust.go",
		old: "err == nil && n != want {", new: "err == nil && n < 0 {",
		pkg: "internal/bond", test: "^TestAdoptDistrusts$",
	},
	{
		name: "a description of any version", file: "internal/bond/header.go",
		old: "version != parcelVersion", new: "version == 0",
		pkg: "internal/bond", test: "^TestAdoptDistrusts$",
	},
	{
		name: "adopt a pidfd without the flag", file: "internal/bond/adopt.go",
		old: "	case flags&autokillBit == 0:\n		return errors.New(\"without", new: "	case flags < 0:\n		return errors.New(\"without",
		pkg: "internal/bond", test: "^TestAdoptDistrusts$",
	},
	{
		name: "an adopter takes the parcel out", file: "internal/bond/queue.go",
		old: "unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC", new: "unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL3_FromFile$",
	},
	{
		name: "what was peeked leaks into children", file: "internal/bond/queue.go",
		old: "unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC", new: "unix.MSG_PEEK|unix.MSG_DONTWAIT",
		pkg: "internal/bond", test: "^TestParcelIsArmed$",
	},
	{
		name: "a received handle leaks into children", file: "record_linux.go",
		old: "unix.Recvmsg(int(fd), b, control, unix.MSG_CMSG_CLOEXEC)", new: "unix.Recvmsg(int(fd), b, control, 0)",
		pkg: ".", test: "^TestReceivedIsCloseOnExec$",
	},
	{
		name: "a reference that counts for nothing", file: "process.go",
		old: "	case p.shared:\n", new: "	case p.released:\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL3_File$",
	},
	{
		name: "a receiver believes to be the only holder", file: "share.go",
		old: "	process.shared = true // by whoever had it before\n", new: "",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL3_TheReceiverCloses$",
	},
	{
		name: "a sender believes to be the only holder", file: "share.go",
		old: "		p.shared = true\n", new: "",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL3_RandomWalk$",
	},
	{
		name: "a handover is given up before it is confirmed", file: "handover.go",
		old: "	answer, err := receiveRecord(conn)\n	switch {", new: "	answer, err := record{kind: kindTaken}, error(nil)\n	switch {",
		pkg: ".", test: "^TestHandOverIsConfirmed$",
	},
	{
		name: "a handover that fails keeps what it got", file: "handover.go",
		old: "			one.child.Close()\n", new: "			_ = one.child\n",
		pkg: ".", test: "^TestTakeOverKeepsNone$",
	},
	{
		name: "an exec that drops the handles", file: "handover_linux.go",
		old: "		if _, err := unix.FcntlInt(file.Fd(), unix.F_SETFD, 0); err != nil {", new: "		if _, err := unix.FcntlInt(file.Fd(), unix.F_GETFD, 0); err != nil {",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestL5_TenExecsUnderLoad$",
	},
	{
		name: "children that an exec has killed are not reaped", file: "handover.go",
		old: "		bond.ReapOrphans(legacy.Dying)\n", new: "		_ = bond.ReapOrphans\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestE1_AfterAnExec$",
	},
}
