//go:build linux

package testproc

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// KernelAtLeast says whether the running kernel calls itself that old or newer. It
// panics on a release that has no two numbers in front, which Linux has always had.
func KernelAtLeast(major, minor int) bool {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		panic(err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	var gotMajor, gotMinor int
	if _, err := fmt.Sscan(strings.ReplaceAll(release, ".", " "), &gotMajor, &gotMinor); err != nil {
		panic(fmt.Sprintf("kernel release %q: %v", release, err))
	}
	return gotMajor > major || gotMajor == major && gotMinor >= minor
}
