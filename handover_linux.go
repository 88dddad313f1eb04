package autokill

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/bond"
)

// execWith leaves files to the next program that are not close-on-exec: references of
// their own, so that this one is as it was if the exec fails.
func execWith(path string, argv, env []string, handles map[string]Handed) error {
	var files []*os.File
	defer func() {
		for _, file := range files {
			file.Close()
		}
	}()
	var list legacy
	var children []*bond.Child
	for name, handed := range handles {
		file, err := handed.Process.leave()
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		files = append(files, file)
		list.Handles = append(list.Handles, left{[]byte(name), handed.Data, int(file.Fd())})
		children = append(children, handed.Process.child)
	}
	defer bond.Standstill()()
	list.Dying = bond.Unreaped(children)
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	file, err := nameless()
	if err != nil {
		return err
	}
	files = append(files, file)
	if _, err := file.Write(text); err != nil {
		return err
	}
	env = slices.DeleteFunc(slices.Clone(env), func(variable string) bool { return strings.HasPrefix(variable, handoverEnv+"=") })
	env = append(env, handoverEnv+"="+formatHandover(os.Getpid(), int(file.Fd())))

	// Who forks takes this lock, so nobody else inherits them.
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	defer func() {
		for _, file := range files {
			unix.CloseOnExec(int(file.Fd()))
		}
	}()
	for _, file := range files {
		if _, err := unix.FcntlInt(file.Fd(), unix.F_SETFD, 0); err != nil {
			return os.NewSyscallError("fcntl(F_SETFD)", err)
		}
	}
	return &os.PathError{Op: "exec", Path: path, Err: execOrBeAsBefore(path, argv, env)}
}

// execOrBeAsBefore puts the soft RLIMIT_NOFILE back if the exec fails: package syscall has
// lowered it to what this program was started with, for the next one, and leaves it there. It
// has forgotten that value, too, so children of os/exec have the raised limit from then on.
func execOrBeAsBefore(path string, argv, env []string) error {
	var before, after unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		return os.NewSyscallError("getrlimit(RLIMIT_NOFILE)", err)
	}
	failed := syscall.Exec(path, argv, env)
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &after) == nil && after == before {
		return failed // whoever sets the limit makes package syscall forget
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		return errors.Join(failed, os.NewSyscallError("setrlimit(RLIMIT_NOFILE)", err))
	}
	return failed
}

// nameless makes a file that is gone with its last descriptor: in memory, or where that is
// denied, in the folder for temporary files.
func nameless() (*os.File, error) {
	memory, denied := unix.MemfdCreate("autokill handover", unix.MFD_CLOEXEC)
	if denied == nil {
		return os.NewFile(uintptr(memory), "handover"), nil
	}
	file, err := os.CreateTemp("", "autokill handover")
	if err != nil {
		return nil, fmt.Errorf("%w, and %w", os.NewSyscallError("memfd_create", denied), err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// readLegacy reads what execWith has written, and closes it.
func readLegacy(fd int) (list legacy, err error) {
	// Somebody may have set the variable: only a regular file is read, which cannot block.
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return legacy{}, fmt.Errorf("descriptor %d is not a list of handles: %w", fd, errors.Join(os.ErrInvalid, err))
	}
	file, err := takeInherited(fd)
	if err != nil {
		return legacy{}, err
	}
	defer file.Close()
	err = json.NewDecoder(io.NewSectionReader(file, 0, 1<<62)).Decode(&list)
	return list, err
}

// takeInherited makes the program the owner of a descriptor. One that the runtime or
// somebody else uses is refused: it is close-on-exec, and what was left is not.
func takeInherited(fd int) (*os.File, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	switch {
	case err != nil:
		return nil, os.NewSyscallError("fcntl(F_GETFD)", err)
	case flags&unix.FD_CLOEXEC != 0:
		return nil, errors.New("the descriptor was not inherited")
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "inherited"), nil
}

// closeOnExec keeps a descriptor from children that are started with os/exec, whatever it is,
// but for the standard streams. A number that is none is none.
func closeOnExec(fd int) {
	if fd >= 3 {
		unix.CloseOnExec(fd)
	}
}
