package clone

import (
	"slices"

	"github.com/autokill/autokill/internal/nofile"
)

// Self is where the child learns its own pid: CLONE_CHILD_SETTID writes Pid.
// It is laid out as struct f_owner_ex of fcntl(2), so that F_SETOWN_EX can be
// given its address. The same word is cleared when the child has left the
// parent's memory, which is what [Request.Start] waits for.
type Self struct {
	Kind int32 // F_OWNER_TID, F_OWNER_PID or F_OWNER_PGRP
	Pid  int32
}

// Null in [Request.Files] is /dev/null, which the child opens: 0 to be read, others to be
// written.
const Null = -2

// Request says what the child is to become.
//
// Numbers in it are descriptors of the caller, who keeps them open until Start
// has returned.
type Request struct {
	Path string
	Argv []string
	Env  []string

	// Files[i] becomes the child's descriptor i; -1 leaves i closed, and Null is
	// /dev/null. Nothing else is inherited.
	Files []int

	// Flags are clone3 flags beyond those that this package sets itself (CLONE_VM,
	// CLONE_PIDFD, CLONE_CLEAR_SIGHAND, CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID).
	Flags      uint64
	ExitSignal int
	Cgroup     int // with CLONE_INTO_CGROUP

	// Self and Prologue belong together: steps that the child runs first, before
	// it gives up any descriptor. Self may be nil.
	Self     *Self
	Prologue []Step

	// Shared: the child shares the descriptor table of the caller until its prologue is
	// done, instead of having a copy ([Request.CopiesTable] must be nil). Nothing is copied
	// then that it does not need, however many descriptors the caller has; but the caller
	// may close none that the child uses until [Pending.Wait] has returned. Opened are where
	// steps of the prologue leave numbers of descriptors that others of them close again;
	// they are -1 before. Of a child that did not get to that the caller closes them.
	Shared bool
	Opened []*int32

	// Ancestors are processes of the start's own that stand between the caller and
	// the child, in their order. With them, the caller clones the first, which Flags,
	// ExitSignal, Cgroup and Self are for; a step of each forks the next one, and a step
	// of the last one forks Child.
	Ancestors []*Task
	// Child, with Ancestors, is what the last of them forks. Its steps are made from
	// this request.
	Child *Task

	// Waits are steps that wait until others are ready for the child. They come when it
	// has given up its descriptors, and before all that needs ids or namespaces.
	Waits []Step

	// Confinement are steps that come when the child has its process group and its
	// files and still has the credentials of the caller.
	Confinement []Step

	// Epilogue are steps that come last, before those that give the child its signals
	// back and the exec.
	Epilogue []Step

	// NoNewPrivs adds the prctl; with CLONE_NNP in Flags it is not needed.
	NoNewPrivs bool

	Setsid  bool
	Setpgid bool
	Pgid    int // 0: a group of its own
	// Ctty is the terminal of Foreground and Setctty: for the first, as in
	// syscall.SysProcAttr, a descriptor of the caller, for the second one of the
	// child.
	Ctty       int
	Foreground bool
	Setctty    bool
	Noctty     bool

	// Maps, if not nil, are those of the user namespace that CLONE_NEWUSER in Flags
	// gives the child. The caller writes them while the child waits.
	Maps *IDMaps
	// Unshare are flags of unshare(2), after the descriptors are given up. In a mount
	// namespace all mounts are made private then, as package syscall does.
	// CLONE_NEWUSER is not possible: it needs memory of one's own (kernel/fork.c,
	// check_unshare_flags).
	Unshare uint64

	Chroot     string
	Credential *Credential
	// Capabilities, if not nil, are the sets that the child keeps.
	Capabilities *Capabilities
	// Ambient are those of them that it keeps through its exec (capabilities(7)).
	Ambient   []uintptr
	Dir       string
	Pdeathsig int
	// Ptrace makes the calling thread the tracer of the child, which then stops at
	// its exec (ptrace(2), PTRACE_TRACEME).
	Ptrace bool

	// Nofile, if not nil, is the RLIMIT_NOFILE of the child.
	Nofile *nofile.Limit
}

// Credential is who the child becomes.
type Credential struct {
	Uid, Gid    uint32 //nolint:revive // the names of syscall.Credential
	Groups      []uint32
	NoSetGroups bool
}

// Begin puts steps before all others of the process that the caller clones, which has
// every descriptor of the caller then.
func (r *Request) Begin(steps []Step) {
	if len(r.Ancestors) > 0 {
		first := r.Ancestors[0]
		first.Steps = append(slices.Clip(steps), first.Steps...)
		return
	}
	r.Prologue = steps
}
