package autokill

import (
	"fmt"
	"os"
	"syscall"

	"github.com/autokill/autokill/internal/bond"
)

// ErrNotHandle is in the error for a file or a message that is no handle, or whose parcel
// is not as a start leaves it. Nobody was signalled, and nothing is left behind.
var ErrNotHandle = bond.ErrNotHandle

// File returns another reference to the handle: it keeps the child alive until it is
// closed. The caller owns it, and may give it to another process; it is close-on-exec.
// Nothing may be read from it: that takes away what keeps the child alive, and kills.
//
// From now on [Process.Close] kills nobody for as long as others have the handle. The
// error wraps [os.ErrClosed] after Close.
func (p *Process) File() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	file, err := p.reference()
	if err != nil {
		return nil, &OpError{Op: "file", Mechanism: p.Mechanism(), Err: hint(err, os.Stat)}
	}
	return file, nil
}

// reference duplicates the handle. From then on it counts as shared.
func (p *Process) reference() (*os.File, error) {
	file, err := p.duplicate()
	if err == nil {
		p.shared = true
	}
	return file, err
}

func (p *Process) duplicate() (*os.File, error) {
	switch {
	case p.released:
		return nil, errReleased
	case p.closed:
		return nil, fmt.Errorf("the handle is closed: %w", os.ErrClosed)
	}
	return duplicate(p.child.Handle, "autokill handle")
}

// leave is a reference for the next program. While this one is there nobody else gets it.
func (p *Process) leave() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.duplicate()
}

// FromFile makes a Process of a handle and takes the file over, if it succeeds: the file
// is not to be used any more. After an error it is still the caller's.
//
// The Process is like that of who has started the child: with Wait, Signal, Close and
// Members. The exit status is known since Linux 6.15, and before for as long as the parent
// lives and was started with this package; else it is unknown ([ProcessState]). A Pid of 0
// is a child outside of this program's PID namespace, which it can keep and see the end of,
// but not signal. A Pid of -1 is one that had ended.
//
// The file is not trusted. The error wraps [ErrNotHandle] if it is something else, was
// tampered with, or belongs to a process that whoever made the handle could not have
// killed himself; and [errors.ErrUnsupported] if this cannot be known, as without /proc
// before Linux 6.13. It does not wait for anything. What cannot be known is whether the
// child does die with the handle, if who sent it has kept a part or disarmed it.
func FromFile(file *os.File) (*Process, error) {
	child, err := adopt(file)
	if err != nil {
		return nil, &OpError{Op: "from file", Err: hint(err, os.Stat)}
	}
	return newHolder(child), nil
}

// adopt takes the file over if it succeeds. Nothing follows the child yet: who does not want
// it closes it, and has nothing left of it.
func adopt(file *os.File) (*bond.Child, error) {
	if file == nil {
		return nil, os.ErrInvalid
	}
	// A file of our own: other code may have the number of the caller's, and whether that
	// blocks is its matter.
	handle, err := duplicate(file, "autokill handle")
	if err != nil {
		return nil, err
	}
	child, err := bond.Adopt(handle)
	if err != nil {
		handle.Close()
		return nil, err
	}
	_ = file.Close()
	return child, nil
}

// newHolder makes the Process of a child that was adopted.
func newHolder(child *bond.Child) *Process {
	process := newProcess(child)
	process.shared = true // by whoever had it before
	return process
}

// Send sends a reference to the handle through a unix socket, a *net.UnixConn or an
// *os.File, for [Receive] at the other end. The sender keeps its own: close the Process to
// give the child up to the receiver. While the reference is on its way, it keeps the child
// alive.
//
// Send waits like any write to conn, until its deadline. The error is [os.ErrInvalid] if conn is no
// unix socket. Each handle on its way counts
// against RLIMIT_NOFILE, per user over all processes: syscall.ETOOMANYREFS.
func (p *Process) Send(conn syscall.Conn) error {
	file, err := p.File()
	if err == nil {
		err = sendRecord(conn, record{kind: kindHandle, handle: file})
		file.Close()
		if err != nil {
			err = &OpError{Op: "send", Mechanism: p.Mechanism(), Err: hint(err, os.Stat)}
		}
	}
	return err
}

// Receive makes a Process of a new reference to a handle, which [Process.Send] has sent. It
// waits like any read from conn, until its deadline, and distrusts what comes as [FromFile]
// does. At the end of the stream the error wraps [io.EOF].
func Receive(conn syscall.Conn) (*Process, error) {
	r, err := receiveRecord(conn)
	switch {
	case err != nil:
	case r.kind != kindHandle:
		r.close()
		err = fmt.Errorf("%w: a message of a handover", ErrNotHandle)
	default:
		var child *bond.Child
		if child, err = adopt(r.handle); err == nil {
			return newHolder(child), nil
		}
		r.close()
	}
	return nil, &OpError{Op: "receive", Err: hint(err, os.Stat)}
}
