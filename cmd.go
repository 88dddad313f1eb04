package autokill

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// These are os/exec's own, so that errors.Is and errors.As do not care which
// package they were written for.
var (
	// ErrNotFound is the error of a path search that found no executable file.
	ErrNotFound = exec.ErrNotFound
	// ErrDot says that a path search found the program in the current directory
	// only because of "." in PATH.
	ErrDot = exec.ErrDot
)

// LookPath searches PATH for an executable, as [exec.LookPath] does. Its errors are
// of type [*exec.Error].
func LookPath(file string) (string, error) { return exec.LookPath(file) }

// Cmd is a command to be started. Its fields have the names and the meaning of those
// of [exec.Cmd], but for Cancel and WaitDelay, which it does not have; and it has a
// few of its own. A Cmd can be started once.
type Cmd struct {
	// Path is the program. It is the only field that must be set. A relative path
	// is relative to Dir.
	Path string
	// Args are the arguments, the program's name first. Empty means {Path}.
	Args []string
	// Env is the environment, each entry "key=value". nil means that of this
	// program; of several entries for one key the last counts.
	Env []string
	// Dir is the working directory. Empty means that of this program.
	Dir string

	// Stdin, Stdout and Stderr are the child's. nil means /dev/null. They must be of
	// type *os.File; any other one is refused with an error that wraps
	// [errors.ErrUnsupported].
	Stdin  io.Reader
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
	// Rusage asks for real values of [ProcessState.SysUsage]. It selects [Tripwire].
	Rusage bool

	// Process is the started child and its handle.
	Process *Process
	// ProcessState is how the child ended, after Wait or Run.
	ProcessState *ProcessState
	// Err is an error of the path search; Start returns it.
	Err error
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

func (c *Cmd) argv() []string {
	if len(c.Args) > 0 {
		return c.Args
	}
	return []string{c.Path}
}

// Start starts the child and returns when it runs the program. After an error there
// is no child.
//
// Wait, or closing c.Process, frees what a started child holds.
func (c *Cmd) Start() error {
	if c.Process != nil {
		return errors.New("autokill: already started")
	}
	if c.Path == "" && c.Err == nil {
		c.Err = errors.New("autokill: no command")
	}
	if c.Err != nil {
		return c.Err
	}
	// os/exec refuses such an entry too; its Environ drops it.
	if slices.ContainsFunc(c.Env, func(kv string) bool { return strings.IndexByte(kv, 0) >= 0 }) {
		return &Error{Op: "start", Mechanism: c.Mechanism, Err: fmt.Errorf("environment variable contains a NUL byte: %w", syscall.EINVAL)}
	}
	process, err := c.start()
	if err != nil {
		return wrap("start", c.Mechanism, err, c.stat)
	}
	c.Process = process
	return nil
}

// stat looks at a file as the child would find it. Under another root that is not
// known.
func (c *Cmd) stat(path string) (fs.FileInfo, error) {
	if otherRoot(c.SysProcAttr) {
		return nil, fs.ErrNotExist
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	return os.Stat(path)
}

// Wait waits for the started child to end and closes its handle. The error is an
// [*ExitError] if the child did not exit with status 0.
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return errors.New("autokill: not started")
	}
	if c.ProcessState != nil {
		return errors.New("autokill: Wait was already called")
	}
	state, err := c.Process.Wait()
	if err != nil {
		return err
	}
	c.ProcessState = state
	if !state.Success() {
		return &ExitError{ProcessState: state}
	}
	return nil
}

// Run starts the child and waits for it: see Start and Wait.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}
