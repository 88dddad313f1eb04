//go:build linux && (amd64 || arm64)

package clone

import (
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// vector is the memory of one start, reused by later ones: a vector has some
// forty steps, too many to allocate each time.
type vector struct {
	call call
	memory
	own   Task    // of the child, if it has no ancestors
	tasks []*Task // all of the start, the one that we clone first
}

var vectors = sync.Pool{New: func() any { return new(vector) }}

// start clones by clone3, or by clone(2) where a filter denies clone3: Docker's
// default one answers ENOSYS, others EPERM. What only clone3 can do has no way
// around it, and a real EPERM comes back from clone(2) too.
//
// After an error the pidfd variable may hold a number: it was never ours.
func (v *vector) start(r *Request, gate int) (pid int, err error) {
	if err := v.compile(r, gate, nil); err != nil {
		return 0, err
	}
	pid, errno := v.clone3(r)
	if errno == 0 {
		return pid, nil
	}
	if !v.call.blocked {
		return 0, os.NewSyscallError("rt_sigprocmask", errno)
	}
	if errno != unix.ENOSYS && errno != unix.EPERM || r.Flags&^legacyFlags != 0 {
		return 0, os.NewSyscallError("clone3", errno)
	}
	all, err := dispositions()
	if err != nil {
		return 0, os.NewSyscallError("rt_sigaction", err)
	}
	if err := v.compile(r, gate, all); err != nil {
		return 0, err
	}
	pid, errno = v.clone(r)
	if errno != 0 {
		return 0, os.NewSyscallError("clone", errno)
	}
	return pid, nil
}

func (v *vector) compile(r *Request, gate int, all []disposition) error {
	child := &v.own
	if r.Child != nil {
		child = r.Child
	}
	steps, err := compile(r, gate, &v.call.mask, all, &v.memory, child.Steps[:0])
	if err != nil {
		return err
	}
	child.Steps = steps
	v.tasks = append(append(v.tasks[:0], r.Ancestors...), child)
	return nil
}

// release drops every reference to the request's memory.
func (v *vector) release() {
	clear(v.own.Steps[:cap(v.own.Steps)])
	v.own = Task{Steps: v.own.Steps[:0]}
	clear(v.tasks)
	v.tasks = v.tasks[:0]
	v.call = call{}
	v.reset()
	vectors.Put(v)
}

const futexWait = 0 // FUTEX_WAIT

// legacyFlags are those that clone(2) knows too: its low byte is the exit signal.
const legacyFlags = 1<<32 - 1<<8

func (r *Request) ownFlags() uint64 {
	flags := uint64(unix.CLONE_VM | unix.CLONE_PIDFD | unix.CLONE_CHILD_SETTID | unix.CLONE_CHILD_CLEARTID)
	if r.Shared {
		flags |= unix.CLONE_FILES
	}
	return flags
}

func (v *vector) clone3(r *Request) (int, syscall.Errno) {
	c := &v.call
	c.clone = cloneArgs{
		flags:      r.ownFlags() | unix.CLONE_CLEAR_SIGHAND | r.Flags,
		pidfd:      address(&c.pidfd),
		childTid:   address(v.word(r)),
		exitSignal: uint64(r.ExitSignal),
		cgroup:     uint64(r.Cgroup),
	}
	c.nr = unix.SYS_CLONE3
	c.args = [5]uintptr{uintptr(address(&c.clone)), unsafe.Sizeof(c.clone)}
	return v.spawn(r)
}

// clone is the way without clone3. The pidfd goes where CLONE_PARENT_SETTID
// would write.
func (v *vector) clone(r *Request) (int, syscall.Errno) {
	c := &v.call
	flags := uintptr(r.ownFlags()|r.Flags) | uintptr(r.ExitSignal)
	c.nr = unix.SYS_CLONE
	c.args = cloneOrder(flags, uintptr(address(&c.pidfd)), uintptr(address(v.word(r))))
	return v.spawn(r)
}

func (v *vector) spawn(r *Request) (int, syscall.Errno) {
	c := &v.call
	c.task = v.tasks[0]
	// Not zero, which would mean that the child is done. The kernel writes the
	// real number when the child runs first.
	atomic.StoreInt32(v.word(r), -1)
	pid := int(spawn(c))
	if pid < 0 {
		return 0, syscall.Errno(-pid)
	}
	return pid, 0
}

// word is where the kernel writes the pid of the process that we clone, and zero in
// the end.
func (v *vector) word(r *Request) *int32 {
	if r.Self != nil {
		return &r.Self.Pid
	}
	return &v.tasks[0].tid
}

// wait returns when nobody shares our memory any more: all have exec'd or are gone.
// One that has left can fork no more, so the next one's word is final then.
func (v *vector) wait(r *Request) {
	waitCleared(v.word(r))
	for _, t := range v.tasks[1:] {
		waitCleared(&t.tid)
	}
}

// waitCleared is an ordinary system call, so the scheduler can hand this thread's
// work to another meanwhile, and a slow exec stops nobody.
//
// The wake-up is not the private kind (kernel/fork.c, mm_release). Kernels before
// 5.16 do not clear the word when the child dumps core, but those kill everybody
// who shares the memory then, us included.
func waitCleared(word *int32) {
	for {
		n := atomic.LoadInt32(word)
		if n == 0 {
			return
		}
		// Any answer, EAGAIN and EINTR too, means: look again.
		_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(uint32(n)), 0, 0, 0)
	}
}

// closeOpened closes what a child that has failed has left in the caller's table. Where it
// was in the middle of closing one itself, that is left alone: the number could be another
// file's by now.
func closeOpened(opened []*int32, child *Task) {
	for _, fd := range opened {
		closes := slices.IndexFunc(child.Steps, func(s Step) bool {
			return s.Nr == unix.SYS_CLOSE && s.Args[0].p == unsafe.Pointer(fd)
		})
		if *fd >= 0 && int(child.at) < closes {
			_ = unix.Close(int(*fd))
		}
	}
}

// failure says at which step a process gave up, if one did: the others ended
// because of it.
func failure(tasks []*Task) error {
	for _, t := range tasks {
		switch step := t.Steps[t.at]; t.outcome {
		case outcomeErrno:
			return stepError(step, syscall.Errno(t.result))
		case outcomeUnwanted:
			return stepError(step, unwanted(t.result))
		}
	}
	for _, t := range tasks {
		if int(t.at) != len(t.Steps)-1 {
			// No step failed and yet the last was not reached. A kill during the execve
			// itself is not told apart from one just after it.
			return stepError(t.Steps[t.at], ErrNotStarted)
		}
	}
	return nil
}

func stepError(s Step, err error) error {
	if s.Path != "" {
		return &fs.PathError{Op: s.Name, Path: s.Path, Err: err}
	}
	return os.NewSyscallError(s.Name, err)
}

func address[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }
