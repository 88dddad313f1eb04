//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// variants are starts that make calls which others do not make.
var variants = map[string]func(*autokill.Cmd) (free func(), err error){
	"Start with AmbientCaps":  with(func(sys *syscall.SysProcAttr) { sys.AmbientCaps = []uintptr{unix.CAP_NET_RAW} }),
	"Start with Chroot":       with(func(sys *syscall.SysProcAttr) { sys.Chroot = "/" }),
	"Start with Credential":   with(func(sys *syscall.SysProcAttr) { sys.Credential = credential() }),
	"Start with Pdeathsig":    with(func(sys *syscall.SysProcAttr) { sys.Pdeathsig = unix.SIGUSR2 }),
	"Start with Setpgid":      with(func(sys *syscall.SysProcAttr) { sys.Setpgid = true }),
	"Start with Unshareflags": with(func(sys *syscall.SysProcAttr) { sys.Unshareflags = unix.CLONE_NEWNS | unix.CLONE_NEWUTS }),
	"Start with UidMappings": with(func(sys *syscall.SysProcAttr) {
		sys.Cloneflags = unix.CLONE_NEWUSER
		sys.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		sys.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}),
	"Start with CgroupFD":   withCgroup,
	"Start with Dir":        func(c *autokill.Cmd) (func(), error) { c.Dir = "/"; return func() {}, nil },
	"Start with ExtraFiles": withExtraFiles,
	"Start with Foreground": withTerminal(func(c *autokill.Cmd) { c.SysProcAttr.Foreground, c.SysProcAttr.Ctty = true, int(terminal().Fd()) }),
	"Start with Noctty":     withTerminal(func(c *autokill.Cmd) { c.SysProcAttr.Noctty, c.Stdin = true, terminal() }),
	"Start with Ptrace":     withPtrace,
	"Start with Setctty":    withSetctty,
	"Start with pipes":      func(c *autokill.Cmd) (func(), error) { c.Stdout = new(bytes.Buffer); return func() {}, nil },

	withoutClone3: func(*autokill.Cmd) (func(), error) { return func() {}, nil },
}

// onTerminal are those for which the program leads a session. Its end would be that of its
// children, too.
var onTerminal = []string{"Start with Foreground", "Start with Noctty"}

// withoutClone3 is done where clone3 is denied.
const withoutClone3 = "Start without clone3"

// variantPlay finds the play of a variant.
func variantPlay(name string) func(Subject) (play, error) {
	if change, ok := variants[name]; ok {
		return startPlay(change)
	}
	return nil
}

func with(change func(*syscall.SysProcAttr)) func(*autokill.Cmd) (func(), error) {
	return func(c *autokill.Cmd) (func(), error) {
		c.SysProcAttr = new(syscall.SysProcAttr)
		change(c.SysProcAttr)
		return func() {}, nil
	}
}

// credential is somebody whom this program may become.
func credential() *syscall.Credential {
	if os.Geteuid() == 0 {
		return &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	return &syscall.Credential{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid()), NoSetGroups: true}
}

// withCgroup starts in the first of all cgroups, by a mount that no directory has.
func withCgroup(c *autokill.Cmd) (func(), error) {
	context, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return nil, err
	}
	mount, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: mount}
	return func() { _ = unix.Close(mount) }, nil
}

// withExtraFiles has descriptors that have to be moved out of the way.
func withExtraFiles(c *autokill.Cmd) (func(), error) {
	c.ExtraFiles = []*os.File{nil, os.Stderr, os.Stdout}
	return func() {}, nil
}

// withPtrace makes this thread the tracer, which lets the child go at its first stop.
func withPtrace(c *autokill.Cmd) (func(), error) {
	runtime.LockOSThread()
	c.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	return runtime.UnlockOSThread, nil
}

// untrace lets go of a child that stops at its exec.
func untrace(pid int) error {
	for {
		_, err := unix.Wait4(pid, nil, unix.WALL, nil)
		switch {
		case err == nil:
			return unix.PtraceDetach(pid)
		case !errors.Is(err, unix.EINTR):
			return err
		}
	}
}

// withSetctty gives the child a session and a terminal of its own.
func withSetctty(c *autokill.Cmd) (func(), error) {
	master, slave, err := testproc.OpenTerminal()
	if err != nil {
		return nil, err
	}
	c.ExtraFiles = []*os.File{slave}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	return func() {
		slave.Close()
		master.Close()
	}, nil
}

// terminal is that of a watched program, which leads a session of its own. It is nil where
// there are none.
func terminal() *os.File { return ownTerminal().slave }

// ownTerminal keeps the master, too: its end would hang up, and be the program's.
var ownTerminal = sync.OnceValue(func() (own struct{ master, slave *os.File }) {
	master, slave, err := testproc.OpenTerminal()
	if err == nil {
		_, err = unix.Setsid()
	}
	if err == nil {
		err = unix.IoctlSetInt(int(slave.Fd()), unix.TIOCSCTTY, 0)
	}
	if err == nil {
		own.master, own.slave = master, slave
	}
	return own
})

func withTerminal(change func(*autokill.Cmd)) func(*autokill.Cmd) (func(), error) {
	return func(c *autokill.Cmd) (func(), error) {
		if terminal() == nil {
			return nil, errors.ErrUnsupported
		}
		c.SysProcAttr = new(syscall.SysProcAttr)
		change(c)
		return func() {}, nil
	}
}
