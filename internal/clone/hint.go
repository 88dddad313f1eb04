package clone

import (
	"errors"
	"io/fs"
	"syscall"
)

// ExecHint is what the errno of an execve does not say: the cause that is meant, or the
// way out; or nothing. stat looks at files as who execs does.
func ExecHint(err error, path string, stat func(string) (fs.FileInfo, error)) string {
	info, statErr := stat(path)
	switch {
	case errors.Is(err, syscall.ENOENT) && statErr == nil:
		return "the file is there, the interpreter that it names is not"
	case errors.Is(err, syscall.EACCES) && statErr == nil && info.IsDir():
		return "it is a directory"
	case errors.Is(err, syscall.ENOEXEC):
		return `neither a program nor a script with "#!": start sh with the file as its argument`
	case errors.Is(err, syscall.E2BIG):
		return "arguments and environment together are too large"
	}
	return ""
}
