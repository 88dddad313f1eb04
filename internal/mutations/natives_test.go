//go:build linux && (amd64 || arm64)

package mutations

import "strings"

// natives are defects of that mechanism. Only a kernel that has it shows most of them.
var natives = []mutation{
	{
		name: "native bit not checked", file: "internal/bond/native.go",
		old: "	case flags&autokillBit == 0:\n", new: "	case flags < 0:\n",
		pkg: "internal/bond", test: "^TestNativeWithoutBit$",
	},
	{
		name: "native forgets no_new_privs", file: "internal/bond/native.go",
		old: "	if allowNewPrivs {\n", new: "	if r.Flags != 0 {\n",
		pkg: ".", test: "^TestContract$/^native$/^TestP1_ChildHasNoNewPrivsAndParentKeeps$",
	},
	{
		name: "native forgets autokill", file: "internal/bond/native.go",
		old: "	pending, err = r.Clone()\n", new: "	r.Flags &^= unix.CLONE_PIDFD_AUTOKILL\n	pending, err = r.Clone()\n",
		pkg: ".", test: "^TestContract$/^native$/^TestL1_CloseKills$",
	},
	{
		name: "the observer is the handle", file: "internal/bond/native.go",
		old: "	fd, err := look(pid, handle)\n	switch {\n", new: "	fd, err := look(pid, handle)\n	_, err = unix.Close(fd), unix.ESRCH\n	switch {\n",
		pkg: ".", test: "^TestContract$/^native$/^TestL3_File$",
	},
	{
		name: "the observer of an adopted handle is the handle", file: "internal/bond/adopt.go",
		old: "	fd, err := lookAgain(handle)\n	switch {\n", new: "	fd, err := lookAgain(handle)\n	_, err = unix.Close(fd), unix.ESRCH\n	switch {\n",
		pkg: ".", test: "^TestContract$/^native$/^TestL3_FromFile$",
	},
	{
		name: "native makes a status up", file: "internal/bond/follow.go",
		old: "		return told(c), true\n", new: "		return Ending{Known: true}, true\n",
		pkg: ".", test: "^TestContract$/^native$/^TestE2_Status$",
	},
	{
		name: "a native child that we trace is left to the kernel", file: "internal/bond/traced.go",
		old: "	case c.Kind() == Native:\n", new: "	case false:\n",
		pkg: ".", test: "^TestContract$/^native$/^TestL1_TracedByItsHolder$",
	},
	{
		name: "a native handle is closed before the signal", file: "process.go",
		old: "	case p.shared:\n", new: "	case !p.shared:\n",
		pkg: ".", test: "^TestContract$/^native$/^TestB4_CloseDespiteACopy$",
	},
}

// native says that it takes a kernel with that mechanism.
func (m mutation) native() bool { return strings.Contains(m.test, "^native$") }
