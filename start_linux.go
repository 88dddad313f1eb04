//go:build amd64 || arm64

package autokill

import (
	"fmt"
	"os"
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
	var child *bond.Child
	err = f.hold(func(numbers []int) error {
		request, wish, err := c.request(numbers)
		if err == nil {
			child, err = bond.Start(request, wish)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	process := watch(child)
	if sys := c.SysProcAttr; sys != nil && sys.PidFD != nil {
		if *sys.PidFD, err = duplicateFD(child.Observer); err != nil {
			_ = process.Close()
			<-process.Done()
			return nil, err
		}
	}
	return process, nil
}

func (c *Cmd) request(files []int) (*clone.Request, bond.Wish, error) {
	request := &clone.Request{
		Path:   c.Path,
		Argv:   c.argv(),
		Env:    c.Environ(),
		Dir:    c.Dir,
		Files:  files,
		Nofile: nofile.ForChild(),
	}
	wish := bond.Wish{
		Kind:          bond.Kind(c.Mechanism),
		AllowNewPrivs: c.AllowNewPrivs,
		Rusage:        c.Rusage,
	}
	if c.SysProcAttr != nil {
		if err := apply(c.SysProcAttr, request, &wish, os.Geteuid()); err != nil {
			return nil, bond.Wish{}, err
		}
	}
	return request, wish, nil
}

func otherRoot(sys *syscall.SysProcAttr) bool { return sys != nil && sys.Chroot != "" }

// duplicate gives a second reference to an observer.
func duplicate(fd *pidfd.FD) (*os.File, error) {
	n, err := duplicateFD(fd)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(n), "autokill observer"), nil
}

func duplicateFD(fd *pidfd.FD) (n int, err error) {
	conn, err := fd.SyscallConn()
	if err != nil {
		return -1, err
	}
	if conn.Control(func(fd uintptr) { n, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }) != nil {
		return -1, fmt.Errorf("autokill: observer: %w", os.ErrClosed)
	}
	return n, os.NewSyscallError("fcntl(F_DUPFD_CLOEXEC)", err)
}
