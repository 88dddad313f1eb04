//go:build linux && (amd64 || arm64)

package mutations

import "runtime"

// refusal is the jump that leaves a start when its signals cannot be blocked.
var refusal = map[string]string{"amd64": "	JCC	refused\n", "arm64": "	BCS	refused\n"}

// denied are defects that show where a call fails. TestR3_EverySystemCallFails always tries the
// failures that they need.
var denied = []mutation{
	{
		name: "a denied waitid leaves a zombie", file: "internal/bond/tripwire.go",
		old: "			return reapByNumber(c)\n", new: "			_ = reapByNumber\n			return posthumous(context.Background(), c)\n",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestR3_EverySystemCallFails$",
	},
	{
		name: "a start goes on with signals that are not blocked", file: "internal/clone/spawn_" + runtime.GOARCH + ".s",
		old: refusal[runtime.GOARCH], new: "",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestR3_EverySystemCallFails$",
	},
	{
		name: "the errno of a file that is no handle is lost", file: "internal/bond/header.go",
		old: "fmt.Errorf(\"%w: %w\", ErrNotHandle, why)", new: "fmt.Errorf(\"%w: %v\", ErrNotHandle, why)",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestR3_EverySystemCallFails$",
	},
	{
		name: "an attach that fails kills", file: "internal/bond/wire.go",
		old: "		_, _ = unix.FcntlInt(uintptr(end), unix.F_SETOWN, 0)\n", new: "",
		pkg: ".", test: "^TestContract$/^tripwire$/^TestR3_EverySystemCallFails$",
	},
}
