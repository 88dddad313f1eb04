// Package descriptor has open files that are known by their number alone until somebody
// needs an [os.File]. Two of them belong to each child, whose end is seen without one.
package descriptor

import (
	"os"
	"runtime"
	"sync"
	"syscall"
)

// FD is an open file that it owns. Its methods may be called from many goroutines at once.
// The zero FD has none.
type FD struct {
	mu     sync.Mutex
	state  state
	number int
	name   string
	// From when somebody has asked for it the file is the owner.
	file *os.File
	conn syscall.RawConn
}

type state int

const (
	none state = iota
	byNumber
	byFile
	closed
)

// New makes the FD of a number, which it takes over. It is closed in the end if it becomes
// garbage, as an os.File is.
func New(number int, name string) *FD {
	fd := new(FD)
	fd.Init(number, name)
	runtime.SetFinalizer(fd, (*FD).Abandon)
	return fd
}

// Of makes the FD of a file, which it takes over.
func Of(file *os.File) (*FD, error) {
	fd := new(FD)
	if err := fd.InitFile(file); err != nil {
		return nil, err
	}
	return fd, nil
}

// Init is New for an FD that is a part of something else, whose finalizer calls Abandon.
func (fd *FD) Init(number int, name string) {
	fd.state, fd.number, fd.name = byNumber, number, name
}

// InitFile is Of for such an FD.
func (fd *FD) InitFile(file *os.File) error {
	conn, err := file.SyscallConn()
	if err == nil {
		fd.state, fd.file, fd.conn = byFile, file, conn
	}
	return err
}

// Abandon closes the number of an FD that is garbage. A file is collected by itself, and
// others may have it.
func (fd *FD) Abandon() {
	if fd.state == byNumber {
		_ = closeNumber(fd.number)
	}
}

// Control runs call with the number, which cannot be closed and given to another file
// meanwhile. It may not block, and not use fd. The error is os.ErrInvalid of the zero FD,
// os.ErrClosed of one that is closed, or that of call.
func (fd *FD) Control(call func(number int) error) error {
	conn, err := fd.Call(call)
	if conn == nil {
		return err
	}
	if conn.Control(func(number uintptr) { err = call(int(number)) }) != nil {
		return os.ErrClosed
	}
	return err
}

// Call is Control that costs no memory, but where the number is a file's it only gives that
// file's RawConn.
func (fd *FD) Call(call func(number int) error) (syscall.RawConn, error) {
	fd.mu.Lock()
	defer fd.mu.Unlock()
	switch fd.state {
	case byNumber:
		return nil, call(fd.number)
	case byFile:
		return fd.conn, nil
	case closed:
		return nil, os.ErrClosed
	}
	return nil, os.ErrInvalid
}

// Fd is the number, for as long as nobody closes fd.
func (fd *FD) Fd() uintptr {
	fd.mu.Lock()
	defer fd.mu.Unlock()
	switch fd.state {
	case byNumber:
		return uintptr(fd.number)
	case byFile:
		return fd.file.Fd()
	}
	return ^uintptr(0)
}

// File makes a file of it, if it is none yet, which stays owned by fd: closing the one closes
// the other.
func (fd *FD) File() (*os.File, error) {
	fd.mu.Lock()
	defer fd.mu.Unlock()
	switch fd.state {
	case none:
		return nil, os.ErrInvalid
	case closed:
		return nil, os.ErrClosed
	case byNumber:
		if err := fd.InitFile(os.NewFile(uintptr(fd.number), fd.name)); err != nil {
			return nil, err
		}
	}
	return fd.file, nil
}

// SyscallConn is the file's.
func (fd *FD) SyscallConn() (syscall.RawConn, error) {
	if _, err := fd.File(); err != nil {
		return nil, err
	}
	return fd.conn, nil
}

// Close closes the file. A second time the error is os.ErrClosed.
func (fd *FD) Close() error {
	fd.mu.Lock()
	defer fd.mu.Unlock()
	switch fd.state {
	case byNumber:
		fd.state = closed
		return os.NewSyscallError("close", closeNumber(fd.number))
	case byFile:
		// It waits for whoever is using the file, who may want fd for that.
		fd.mu.Unlock()
		defer fd.mu.Lock()
		return fd.file.Close()
	case closed:
		return os.ErrClosed
	}
	return os.ErrInvalid
}
