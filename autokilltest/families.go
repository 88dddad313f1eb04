//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

const (
	// familyRole is a child that starts others, which try to get away in one way or
	// another.
	familyRole = "family"
	// breederRole is the holder of several such children.
	breederRole = "breeder"
)

// Each of a family that is to be reckoned with says so on its standard output, the
// lifeline. One that cannot do what it is for says no, and why on standard error.
const (
	word   = "+\n"
	noWord = "-\n"
	stay   = "echo +; exec sleep 1000" // a shell script
)

// family is what a child starts.
type family struct {
	begin func(subject Subject) error // may return to become one more who stays
	words int
	does  []model.Event // in the words of the model
	alone bool          // one at a time, and not as often: it takes a whole processor
	user  int           // whom root lets it be, if not root
	// check looks at a living family by its child.
	check func(t *testing.T, pid int)
}

// ofTheChild is something that the child does itself.
func ofTheChild(kind model.Kind) model.Event { return model.Event{Kind: kind, Child: model.TheChild} }

var families = map[string]family{
	// kin is the tree that docs/mechanisms.md compares with other tools on.
	"kin": {words: 4, does: []model.Event{model.Left}, begin: func(Subject) error {
		setsid := &syscall.SysProcAttr{Setsid: true}
		return errors.Join(
			sh(stay, nil).Start(),
			sh(stay, setsid).Start(),
			relative("orphans").Run(),
		)
	}},
	"orphans": {begin: func(Subject) error {
		check(sh(stay, &syscall.SysProcAttr{Setsid: true}).Start())
		os.Exit(0)
		return nil
	}},

	// daemon leaves as daemon(3) does: the child itself ends at once.
	"daemon": {words: 1, does: []model.Event{model.Left, model.Ended}, begin: func(Subject) error {
		c := exec.Command("/bin/sh", "-c", "echo + >&3; exec sleep 1000")
		c.Dir, c.ExtraFiles = "/", []*os.File{os.Stdout}
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		check(c.Start())
		os.Exit(0)
		return nil
	}},

	"jobs": {words: 6, does: []model.Event{model.Left}, begin: func(Subject) error {
		c := sh(`sh -c "$STAY" & (sh -c "$STAY" &); set -m 2>/dev/null
			sh -c "$STAY" & sh -c "$STAY" | cat & setsid sh -c "$STAY" & wait`, nil)
		c.Env = append(os.Environ(), "STAY="+stay)
		return c.Start()
	}},

	"stopped": {words: 2, does: []model.Event{ofTheChild(model.Resist)}, begin: func(Subject) error {
		return sh("echo +; kill -STOP $$; exec sleep 1000", nil).Start()
	}},

	// turncoat does what makes the kernel forget PR_SET_PDEATHSIG, and more.
	"turncoat": {words: 2, does: []model.Event{ofTheChild(model.Become), model.Left}, begin: func(subject Subject) error {
		check(unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0))
		if os.Geteuid() == 0 && hasUser(somebody) {
			err := errors.Join(unix.Setgroups(nil), syscall.Setresuid(somebody, somebody, somebody))
			if reaches(subject) {
				check(err)
			} // else it has lost what that takes
		}
		return sh(stay, &syscall.SysProcAttr{Setsid: true}).Start()
	}},

	"user namespaces": {words: 3, does: []model.Event{model.Left}, begin: func(Subject) error {
		inner := relative("inner user namespace")
		inner.SysProcAttr = newUser()
		if err := inner.Start(); err != nil {
			no(err)
		}
		return nil
	}},
	"inner user namespace": {begin: func(Subject) error {
		return sh(stay, newUser()).Start()
	}},

	// bomb forks without end, up to the limit of its user. The processes share nothing
	// of Go but the memory that they were copied with.
	"bomb": {words: 1, does: []model.Event{model.Left}, alone: true, user: 54321, begin: func(Subject) error {
		signal.Ignore(unix.SIGCHLD) // so that the dead make room
		limit := uint64(processes(os.Getuid()) + 12)
		// It does not hold for root of the initial user namespace, whatever its uid is
		// called in another one, nor with CAP_SYS_RESOURCE (setrlimit(2)). There a bomb
		// would take the machine.
		check(unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1, Max: limit}))
		if forks() {
			no(errors.New("RLIMIT_NPROC does not hold for this user"))
		}
		check(unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: limit, Max: limit}))
		bomb([]byte(word))
		return nil
	}},

	// vfork is as far as a process can be brought into uninterruptible sleep without
	// a broken file system: a parent that waits for its vfork(2).
	"vfork": {words: 2, begin: func(Subject) error {
		fmt.Print(word)
		vfork([]byte(word))
		return nil
	}, check: func(t *testing.T, pid int) {
		eventually(t, "state D", func() bool {
			for _, s := range testproc.Threads(pid) {
				if s.State == "D" {
					return true
				}
			}
			return false
		})
	}},

	// graft wants a tree of its own, and takes what it can get.
	"graft": {words: 3, begin: func(subject Subject) error {
		inner := func() *autokill.Cmd {
			c := subject.Command("/bin/sh", "-c", "("+stay+") & "+stay)
			c.Stdout = os.Stdout
			return c
		}
		c := inner()
		err := c.Start()
		if errors.Is(err, autokill.ErrSealed) {
			c = inner()
			c.Scope = autokill.ScopeProcess
			err = c.Start()
		}
		if err != nil {
			return err
		}
		fmt.Print(word)
		<-c.Process.Done()
		return nil
	}},
}

// playFamily is the role. Its arguments are the family and the subject.
func playFamily(subjects Subjects, args []string) int {
	f, ok := families[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "family: there is no %q\n", args)
		return 1
	}
	if err := f.begin(subjects[args[1]]); err != nil {
		fmt.Fprintf(os.Stderr, "family %s: %v\n", args[0], err)
		return 1
	}
	fmt.Fprintln(os.Stderr, "family: exec:", unix.Exec("/bin/sh", []string{"sh", "-c", stay}, os.Environ()))
	return 1
}

// sh is a descendant that runs a script.
func sh(script string, sys *syscall.SysProcAttr) *exec.Cmd {
	c := exec.Command("/bin/sh", "-c", script)
	c.Stdout, c.Stderr, c.SysProcAttr = os.Stdout, os.Stderr, sys
	return c
}

// relative is a descendant that plays a family of its own.
func relative(name string) *exec.Cmd {
	c := testproc.Command(familyRole, name, "")
	c.Stdout = os.Stdout
	return c
}

func newUser() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		Setsid:      true,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// no tells the test that this machine does not let us.
func no(err error) {
	fmt.Fprintln(os.Stderr, "family:", err)
	fmt.Print(noWord)
	os.Exit(0)
}

// processes counts what RLIMIT_NPROC counts: threads of a user.
func processes(uid int) (n int) {
	for _, p := range testproc.Processes() {
		var st unix.Stat_t
		if unix.Stat(filepath.Join(testproc.Proc(), strconv.Itoa(p.PID)), &st) == nil && int(st.Uid) == uid {
			n += len(testproc.Threads(p.PID))
		}
	}
	return n
}

// forks says whether a process could be made, which ends at once.
//
//go:norace
func forks() bool {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return errno == 0
}

// bomb says the word when the limit is reached for the first time. Every other child
// ends at once, so that there is always room for the next.
//
//go:norace
func bomb(word []byte) {
	ends := false
	for {
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		switch {
		case errno != 0 && word != nil:
			_, _ = unix.Write(1, word)
			word = nil
		case errno == 0 && pid == 0:
			if ends {
				_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
			}
			_, _, _ = unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
			word = nil
		case errno == 0:
			ends = !ends
		}
	}
}

// vfork sleeps in the kernel until the child does what it never does.
//
//go:norace
func vfork(word []byte) {
	pid, _, _ := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_VFORK|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid == 0 {
		_, _ = unix.Write(1, word)
		for {
			_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
		}
	}
}

// breed is the role: it starts some families and waits for the end of its input. Its
// arguments are the subject, the family and how many.
func breed(subjects Subjects, args []string) int {
	count, err := strconv.Atoi(args[2])
	check(err)
	lifeline := os.NewFile(3, "lifeline")
	for range count {
		c := familyCommand(subjects[args[0]], args[0], args[1])
		c.Stdout = lifeline
		check(c.Start())
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 1
}

func familyCommand(subject Subject, name, familyName string) *autokill.Cmd {
	c := subject.Command(testproc.Exe, familyName, name)
	c.Env, c.Stderr = testproc.RoleEnv(familyRole), os.Stderr
	if user := families[familyName].user; user != 0 && os.Geteuid() == 0 {
		id := uint32(user)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
	}
	return c
}
