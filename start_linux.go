//go:build amd64 || arm64

package autokill

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/nofile"
	"github.com/autokill/autokill/pidfd"
)

// start is the way of one start: what the Cmd says becomes a request and a wish,
// and package bond does the rest.
func (c *Cmd) start() (*Process, error) {
	f, err := c.files()
	if err != nil {
		return nil, err
	}
	defer f.close()
	request := &clone.Request{
		Path:  c.Path,
		Argv:  c.argv(),
		Env:   c.Environ(),
		Dir:   c.Dir,
		Files: f.numbers(),

		Nofile: nofile.ForChild(),
	}
	if i := closedFile(f.child, request.Files); i >= 0 {
		return nil, fmt.Errorf("descriptor %d of the child is %s: %w", i, f.child[i].Name(), os.ErrClosed)
	}
	wish := bond.Wish{
		Kind:          mechanisms[c.Mechanism],
		AllowNewPrivs: c.AllowNewPrivs,
		Rusage:        c.Rusage,
	}
	if _, ok := mechanisms[c.Mechanism]; !ok {
		return nil, fmt.Errorf("there is no mechanism %v: %w", c.Mechanism, syscall.EINVAL)
	}
	if sys := c.SysProcAttr; sys != nil {
		if err := apply(sys, request, &wish, os.Geteuid()); err != nil {
			return nil, err
		}
	}
	child, err := bond.Start(request, wish)
	runtime.KeepAlive(c)
	if err != nil {
		return nil, err
	}
	process := watch(child)
	if sys := c.SysProcAttr; sys != nil && sys.PidFD != nil {
		observer, err := process.Observer()
		if err != nil {
			_ = process.Close()
			return nil, err
		}
		*sys.PidFD, err = unix.FcntlInt(observer.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		_ = observer.Close()
		if err != nil {
			_ = process.Close()
			return nil, os.NewSyscallError("fcntl(F_DUPFD_CLOEXEC)", err)
		}
	}
	return process, nil
}

// closedFile finds a file that was closed before: its number would be -1, which
// means something else to the child.
func closedFile(files []*os.File, numbers []int) int {
	for i, file := range files {
		if file != nil && numbers[i] < 0 {
			return i
		}
	}
	return -1
}

// duplicate gives a second reference to an observer.
func duplicate(fd *pidfd.FD) (*os.File, error) {
	conn, err := fd.SyscallConn()
	if err != nil {
		return nil, err
	}
	n := -1
	var dupErr error
	if err := conn.Control(func(fd uintptr) { n, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, fmt.Errorf("autokill: observer: %w", os.ErrClosed)
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("fcntl(F_DUPFD_CLOEXEC)", dupErr)
	}
	return os.NewFile(uintptr(n), "autokill observer"), nil
}
