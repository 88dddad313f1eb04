package autokill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// These are os/exec's own, so that errors.Is and errors.As do not care which
// package they were written for.
var (
	// ErrNotFound is the error of a path search that found no executable file.
	ErrNotFound = exec.ErrNotFound
	// ErrDot says that a path search found the program in the current directory
	// only because of "." in PATH.
	ErrDot = exec.ErrDot
	// ErrWaitDelay is the error of [Cmd.Wait] where the child ended well but its
	// pipes had to be closed when [Cmd.WaitDelay] was over.
	ErrWaitDelay = exec.ErrWaitDelay
)

// Error is the error of a path search. A start that fails is an [*OpError].
type Error = exec.Error

// LookPath searches PATH for an executable, as [exec.LookPath] does. Its errors are
// of type [*Error].
func LookPath(file string) (string, error) { return exec.LookPath(file) }

// Cmd is a command to be started. It has the exported fields and methods of
// [exec.Cmd], with the same meaning, and a few fields of its own. A Cmd can be
// started once.
type Cmd struct {
	// Path is the program. It is the only field that must be set. A relative path
	// is relative to Dir.
	Path string
	// Args are the arguments, the program's name first. Empty means {Path}.
	Args []string
	// Env is the environment, each entry "key=value". nil means that of this
	// program, and with Dir its PWD is set to that; of several entries for one key the
	// last counts.
	Env []string
	// Dir is the working directory. Empty means that of this program.
	Dir string

	// Stdin is the child's standard input. nil means /dev/null. An [*os.File] is
	// passed as it is; one that is nil leaves the descriptor closed. Of any other reader a goroutine copies to the child over a
	// pipe; Wait waits for it, until the end of Stdin or of the child's interest in
	// it, or for WaitDelay.
	Stdin io.Reader
	// Stdout and Stderr are the child's. nil means /dev/null. An [*os.File] is passed
	// as it is. To any other writer a goroutine copies over a pipe; Wait waits for it,
	// until nobody has the other end of the pipe open any more, or for WaitDelay. If
	// both are the same writer, of a type that can be compared with ==, they share one
	// pipe, and so one goroutine.
	Stdout io.Writer
	Stderr io.Writer

	// ExtraFiles are open files for the child: entry i becomes descriptor 3+i. nil
	// entries leave it closed. Nothing else is inherited.
	ExtraFiles []*os.File

	// SysProcAttr are attributes of the system. What cannot be done is refused with
	// an error that names the field.
	SysProcAttr *syscall.SysProcAttr

	// Scope says who dies with the handle. Zero means the child alone.
	Scope Scope
	// Mechanism asks for one in particular. Zero means the best there is.
	Mechanism Mechanism
	// AllowNewPrivs starts the child without no_new_privs, so that set-user-ID
	// programs work inside. It needs CAP_SYS_ADMIN in the user namespace of the
	// caller, anybody else gets syscall.EPERM; and with Tripwire it needs root of the
	// initial user namespace, since the child could become somebody whom the kill of
	// anybody else cannot reach: errors.ErrUnsupported.
	AllowNewPrivs bool
	// Rusage asks for real values of [ProcessState.SysUsage]. It selects [Tripwire],
	// except in a PID namespace, whose init tells them with every mechanism.
	Rusage bool

	// Process is the started child and its handle.
	Process *Process
	// ProcessState is how the child ended, after Wait or Run.
	ProcessState *ProcessState
	// Err is an error of the path search; Start returns it.
	Err error

	// Cancel is called when the context of [CommandContext] is done, if the command
	// was started and Wait has not seen its end by then. CommandContext sets it to
	// [Process.Kill]. nil means that nothing happens at once.
	//
	// If Cancel succeeds and the child then ends with status 0, Wait returns the
	// error of the context. If Cancel fails, with anything but [os.ErrProcessDone],
	// Wait returns that error.
	Cancel func() error
	// WaitDelay limits the time from the context's end, or from when Wait has seen
	// the child's end, whichever is first, until Wait returns. When it is over, a
	// child that is still there is killed, and pipes that are still open (somebody
	// whom the child has started may hold them) are closed. Then Wait returns
	// [ErrWaitDelay] if it has no better reason for an error. Zero is no limit.
	WaitDelay time.Duration

	ctx     context.Context
	started bool // Start was called
	streams streams
	watcher *watcher // of ctx; nil if there is nothing to watch for
}

// Command returns a Cmd for the named program, which is looked up in PATH if the
// name has no slash in it.
func Command(name string, arg ...string) *Cmd {
	c := &Cmd{Path: name, Args: append([]string{name}, arg...)}
	if filepath.Base(name) == name {
		path, err := exec.LookPath(name)
		if path != "" {
			c.Path = path
		}
		c.Err = err
	}
	return c
}

// CommandContext is [Command] with a context, whose end interrupts the command: see
// [Cmd.Cancel] and [Cmd.WaitDelay]. It panics if the context is nil.
func CommandContext(ctx context.Context, name string, arg ...string) *Cmd {
	if ctx == nil {
		panic("nil Context")
	}
	c := Command(name, arg...)
	c.ctx = ctx
	c.Cancel = func() error { return c.Process.Kill() }
	return c
}

// String returns the command for people to read.
func (c *Cmd) String() string {
	if c.Err != nil {
		return strings.Join(c.Args, " ")
	}
	return strings.Join(append([]string{c.Path}, c.argv()[1:]...), " ")
}

// Environ returns the environment that the child would get.
func (c *Cmd) Environ() []string {
	return (&exec.Cmd{Env: c.Env, Dir: c.Dir}).Environ()
}

// environ is Environ, without its search for entries of one key where there are none:
// package syscall lists no key of this program's twice.
func (c *Cmd) environ() []string {
	if c.Env == nil && c.Dir == "" {
		return os.Environ()
	}
	return c.Environ()
}

func (c *Cmd) argv() []string {
	if len(c.Args) > 0 {
		return c.Args
	}
	return []string{c.Path}
}

// Start starts the child and returns when it runs the program. After an error there
// is no child.
//
// Wait, or closing c.Process, frees what a started child holds. After Start the
// context of [CommandContext] is watched.
func (c *Cmd) Start() error {
	if c.started {
		return errors.New("exec: already started")
	}
	c.started = true
	if err := c.check(); err != nil {
		c.streams.discard()
		return err
	}
	process, err := c.start()
	if err != nil {
		c.streams.discard()
		return c.startError(err)
	}
	c.Process = process
	c.streams.handOver()
	c.streams.copy()
	c.watch()
	return nil
}

// check finds what can be refused without any system call. Wrong use is named in the
// words of os/exec, which programs and their tests know.
func (c *Cmd) check() error {
	if c.Path == "" && c.Err == nil {
		c.Err = errors.New("exec: no command")
	}
	switch {
	case c.Err != nil:
		return c.Err
	case c.Cancel != nil && c.ctx == nil:
		return errors.New("exec: command with a non-nil Cancel was not created with CommandContext")
	case c.ctx != nil && c.ctx.Err() != nil:
		return c.ctx.Err()
	}
	// os/exec refuses such an entry too; its Environ drops it.
	if slices.ContainsFunc(c.Env, func(kv string) bool { return strings.IndexByte(kv, 0) >= 0 }) {
		return fmt.Errorf("exec: environment variable contains NUL: %w", syscall.EINVAL)
	}
	return nil
}

// Wait waits until the child has ended and all that goroutines copy to and from it
// is copied, and closes the handle and the pipes. It must be called once, by one
// goroutine.
//
// The error is an [*ExitError] if the child did not exit with status 0. After that
// come an error of Cancel or of the context, and one of copying.
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return errors.New("exec: not started")
	}
	if c.ProcessState != nil {
		return errors.New("exec: Wait was already called")
	}
	state, err := c.Process.Wait()
	if err == nil && !state.Success() {
		err = &ExitError{ProcessState: state}
	}
	c.ProcessState = state

	// The watcher touches the streams, too: it comes first.
	interrupted := c.watcher.stop()
	c.watcher = nil
	over := interrupted.deadline
	if over == nil && c.WaitDelay != 0 {
		over = time.After(c.WaitDelay)
	}
	copyErr := c.streams.drain(over)
	c.streams.closePipes()
	return cmp.Or(err, interrupted.err, copyErr)
}

// Run starts the child and waits for it: see Start and Wait.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}
