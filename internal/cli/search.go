package cli

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/autokill/autokill"
)

// What package autokill calls the last step of a start, and one as a whole.
const (
	opExec  = "execve"
	opStart = "fork/exec"
)

// shell runs scripts without a "#!" line.
const shell = "/bin/sh"

// searchPath searches the PATH of the environment.
func searchPath(name string) (string, error) {
	path, ok := os.LookupEnv("PATH")
	if !ok {
		path = "/bin:/usr/bin" // as execvp(3) of glibc
	}
	return search(name, path)
}

// search finds the program as execvp(3) does, and so env(1): all of PATH is
// searched, "." in it counts, and a file that is found but not executable is another
// error than none. [autokill.LookPath] is for programs and more careful. Other than
// there, a directory of PATH that may not be searched is no sign of a file in it.
func search(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	var denied error
	if name != "" {
		for _, dir := range filepath.SplitList(path) {
			if dir == "" {
				dir = "."
			}
			// Not filepath.Join, which would make "./x" the bare name again.
			candidate := strings.TrimSuffix(dir, "/") + "/" + name
			_, err := autokill.LookPath(candidate)
			if err == nil {
				return candidate, nil
			}
			if seen(candidate) {
				denied = &fs.PathError{Op: opExec, Path: candidate, Err: syscall.EACCES}
			}
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}

// seen says that there is something, whatever it is.
func seen(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// byShell is how execvp(3) runs a file that execve refused with ENOEXEC.
func byShell(path string, argv []string) []string {
	return append([]string{shell, path}, argv[1:]...)
}
