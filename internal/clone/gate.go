//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A gate is a pipe at which a child waits until its caller has written the maps of
// its user namespace. A caller that dies before ends the wait and with it the child:
// by the end of file, and, if the child is bound, by its bond. The child waits with
// no other descriptor of the caller than those it shall have, so it keeps nobody else.
type gate struct{ read, write int }

// noGate is the number of a gate that there is not.
const noGate = -1

func openGate() (gate, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return gate{}, os.NewSyscallError("pipe2", err)
	}
	return gate{ends[0], ends[1]}, nil
}

// gateStep is where the child waits.
const gateStep = "read(the word that the id maps are written)"

// pass are the steps of the child: number n is its end of the gate.
func pass(n int) []Step {
	return []Step{
		{
			Name: gateStep, Nr: unix.SYS_READ,
			Args: [6]Arg{Int(n), Addr(new(byte)), Int(1)}, Mask: ^uintptr(0), Want: 1,
		},
		{Name: "close", Nr: unix.SYS_CLOSE, Args: [6]Arg{Int(n)}},
	}
}

// cloneMapped is Clone for a child whose maps we write.
func (r *Request) cloneMapped() (Pending, error) {
	g, err := openGate()
	if err != nil {
		return Pending{}, err
	}
	p, err := r.clone(g.read)
	_ = unix.Close(g.read)
	cloned := err == nil
	if cloned {
		err = g.open(p)
	}
	_ = unix.Close(g.write)
	if err == nil || !cloned {
		return p, err
	}
	// The closed gate ends the child. One that gave up before knows better why.
	if _, childErr := p.Wait(); childErr != nil && !shutOut(childErr) {
		err = childErr
	}
	return Pending{}, err
}

// shutOut says that the child ended because the gate was closed, or was killed at it. A read that
// failed is another cause: that of our EPIPE, too.
func shutOut(err error) bool {
	var call *os.SyscallError
	var errno syscall.Errno
	return errors.As(err, &call) && call.Syscall == gateStep && !errors.As(err, &errno)
}

// open writes the maps of the child and lets it go on.
func (g gate) open(p Pending) error {
	if err := p.r.Maps.write(p.pid, int(p.v.call.pidfd)); err != nil {
		return err
	}
	_, err := unix.Write(g.write, []byte{0})
	return os.NewSyscallError("write", err)
}

func (m *IDMaps) write(pid, pidfd int) error {
	proc := fmt.Sprintf("/proc/%d", pid)
	dir, err := unix.Open(proc, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: proc, Err: err}
	}
	defer unix.Close(dir)
	// A child that the kernel reaps may be gone, and the pid somebody else's. If it is
	// there now, the folder is its own.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		return os.NewSyscallError("pidfd_send_signal", err)
	}
	setgroups := "deny"
	if m.Setgroups {
		setgroups = "allow"
	}
	for _, file := range []struct {
		name string
		text []byte
		skip bool
	}{
		{"uid_map", mapText(m.UIDs), m.UIDs == nil},
		{"setgroups", []byte(setgroups), m.GIDs == nil},
		{"gid_map", mapText(m.GIDs), m.GIDs == nil},
	} {
		if file.skip {
			continue
		}
		if err := writeAt(dir, file.name, file.text); err != nil {
			return &fs.PathError{Op: "write", Path: proc + "/" + file.name, Err: err}
		}
	}
	return nil
}

// writeAt writes all at once: a map takes one write.
func writeAt(dir int, name string, text []byte) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, text)
	if closeErr := unix.Close(fd); err == nil {
		err = closeErr
	}
	return err
}
