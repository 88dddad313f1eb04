package autokill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// hint adds to a failed start what its errno does not say: the cause that is meant,
// or the way out. stat looks at files as the child would.
func hint(err error, stat func(string) (fs.FileInfo, error)) error {
	if text := hintText(err, stat); text != "" {
		return fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// stat looks at a file as the child would find it. Under another root that is not
// known.
func (c *Cmd) stat(path string) (fs.FileInfo, error) {
	if otherRoot(c.SysProcAttr) {
		return nil, fs.ErrNotExist
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	return os.Stat(path)
}

func hintText(err error, stat func(string) (fs.FileInfo, error)) string {
	var path *fs.PathError
	var call *os.SyscallError
	switch {
	case errors.Is(err, syscall.EMFILE):
		return "this program has as many descriptors open as RLIMIT_NOFILE allows"
	case errors.Is(err, syscall.ENFILE):
		return "no more files or pipes are allowed (fs.file-max of the system, fs.pipe-user-pages-hard of this user)"
	case errors.As(err, &call) && errors.Is(err, syscall.EAGAIN) && strings.HasPrefix(call.Syscall, "clone"):
		return "no more processes are allowed (RLIMIT_NPROC of this user, pids.max of the cgroup)"
	case errors.As(err, &call) && (call.Syscall == "fcntl(F_DUPFD_CLOEXEC)" && errors.Is(err, syscall.EINVAL) ||
		call.Syscall == "dup3" && errors.Is(err, syscall.EBADF)):
		return "the child was given more files than RLIMIT_NOFILE allows, or one that was closed meanwhile"
	case errors.As(err, &path) && path.Op == "execve":
		return execHint(err, path.Path, stat)
	}
	return ""
}

func execHint(err error, path string, stat func(string) (fs.FileInfo, error)) string {
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
