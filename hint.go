package autokill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/autokill/autokill/internal/clone"
)

// hint adds to a failure what its errno does not say: the cause that is meant,
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
	case errors.Is(err, syscall.ENOSYS) && !strings.Contains(err.Error(), "filter denies"):
		return "a seccomp filter denies it, for every kernel since Linux 5.10 has this call"
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
		return clone.ExecHint(err, path.Path, stat)
	}
	return ""
}
