package cli

import (
	"fmt"
	"io/fs"
	"os"
)

// executable is what matters about the file of a command for its privileges.
type executable struct {
	mode         fs.FileMode
	uid, gid     int
	capabilities bool // it has file capabilities, see capabilities(7)
}

// lostPrivileges names what no_new_privs takes from a program when somebody with
// these effective ids starts it, or returns "".
func lostPrivileges(e executable, euid, egid int) string {
	// A set-group-ID bit without execution for the group means something else.
	const groupExec = 0o010
	switch {
	case e.mode&fs.ModeSetuid != 0 && e.uid != euid:
		return fmt.Sprintf("it is set-user-ID to uid %d", e.uid)
	case e.mode&fs.ModeSetgid != 0 && e.mode&groupExec != 0 && e.gid != egid:
		return fmt.Sprintf("it is set-group-ID to gid %d", e.gid)
	case e.capabilities && euid != 0:
		return "it has file capabilities"
	}
	return ""
}

// privilegeHint is a line for a command that is about to fail strangely, or nil.
func privilegeHint(path string) error {
	e, err := examine(path)
	if err != nil {
		return nil // the start says what is wrong
	}
	lost := lostPrivileges(e, os.Geteuid(), os.Getegid())
	if lost == "" {
		return nil
	}
	return fmt.Errorf("%s runs without its privileges: %s, and autokill starts commands with no_new_privs", path, lost)
}
