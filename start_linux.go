//go:build amd64 || arm64

package autokill

import (
	"os"
	"syscall"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/nofile"
	"github.com/autokill/autokill/pidfd"
)

// request is what the Cmd asks of package clone and of package bond.
func (c *Cmd) request(files []int) (*clone.Request, bond.Wish, error) {
	for i, null := range c.streams.null {
		if null {
			files[i] = clone.Null
		}
	}
	request := &clone.Request{
		Path:   c.Path,
		Argv:   c.argv(),
		Env:    c.environ(),
		Dir:    c.Dir,
		Files:  files,
		Nofile: nofile.ForChild(),
	}
	wish := bond.Wish{
		Kind:          bond.Kind(c.Mechanism),
		Scope:         bond.Scope(c.Scope),
		AllowNewPrivs: c.AllowNewPrivs,
		Rusage:        c.Rusage,
	}
	if c.SysProcAttr != nil {
		changed := wish // or the wish of every start would be allocated
		if err := apply(c.SysProcAttr, request, &changed, os.Geteuid()); err != nil {
			return nil, bond.Wish{}, err
		}
		wish = changed
	}
	if len(request.Ambient) > 0 {
		caps, err := request.Born()
		if err != nil {
			return nil, bond.Wish{}, err
		}
		for _, capability := range request.Ambient {
			caps = caps.WithInheritable(int(capability))
		}
		request.Capabilities = caps
	}
	return request, wish, nil
}

// givePidFD does what SysProcAttr.PidFD asks for.
func (c *Cmd) givePidFD(observer *pidfd.FD) (err error) {
	if c.SysProcAttr != nil && c.SysProcAttr.PidFD != nil {
		*c.SysProcAttr.PidFD, err = duplicateNumber(observer)
	}
	return err
}

func otherRoot(sys *syscall.SysProcAttr) bool { return sys != nil && sys.Chroot != "" }
