package autokill

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/autokill/autokill/internal/bond"
)

// Handed is a handle in a handover, with data of the caller's own.
type Handed struct {
	Process *Process
	Data    []byte
}

// HandOver gives handles up to another program, which calls [TakeOver] at the other end of
// conn: the children notice nothing. It returns nil when that program has them all. Then
// each Process here is closed and says nothing about its child any more, while the child
// lives; its Done is still closed at the end of the child.
//
// After an error this program has all that it had. If it ends in the middle of it, so do
// the children, and so they do if the other one has taken over and ends. A name is at most
// [MaxName] bytes, data at most [MaxData]; both may be empty. There are at most [MaxHandles]
// handles with [MaxTotal] bytes in all; who has more calls HandOver again. HandOver waits like reads and
// writes of conn, until its deadlines; conn is not to be used for anything else meanwhile.
func HandOver(conn syscall.Conn, handles map[string]Handed) error {
	if err := handOver(conn, handles); err != nil {
		return &OpError{Op: "hand over", Err: hint(err, os.Stat)}
	}
	for _, handed := range handles {
		handed.Process.giveUp()
	}
	return nil
}

func handOver(conn syscall.Conn, handles map[string]Handed) error {
	if err := checkHandover(handles); err != nil {
		return err
	}
	var load load
	for name, handed := range handles {
		if err := load.add(len(name) + len(handed.Data)); err != nil {
			return fmt.Errorf("%w: %w", os.ErrInvalid, err)
		}
	}
	for name, handed := range handles {
		file, err := handed.Process.File()
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		err = sendRecord(conn, record{kind: kindHanded, name: name, data: handed.Data, handle: file})
		file.Close()
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	if err := sendRecord(conn, record{kind: kindEnd}); err != nil {
		return err
	}
	answer, err := receiveRecord(conn)
	switch {
	case err != nil:
		return fmt.Errorf("the other program has not confirmed: %w", err)
	case answer.kind != kindTaken:
		answer.close()
		return fmt.Errorf("%w: the answer is something else", ErrNotHandle)
	}
	return nil
}

func checkHandover(handles map[string]Handed) error {
	for name, handed := range handles {
		switch {
		case handed.Process == nil:
			return fmt.Errorf("%q has no Process: %w", name, os.ErrInvalid)
		case len(name) > MaxName:
			return fmt.Errorf("a name of %d bytes is longer than %d: %w", len(name), MaxName, os.ErrInvalid)
		case len(handed.Data) > MaxData:
			return fmt.Errorf("%q has %d bytes of data, more than %d: %w", name, len(handed.Data), MaxData, os.ErrInvalid)
		}
	}
	return nil
}

// load is what goes through a connection in one handover. A single record has its own limits.
type load struct{ handles, bytes int }

// add says whether one more handle, with so many bytes of name and data, is too much.
func (l *load) add(bytes int) error {
	l.handles++
	l.bytes += bytes
	switch {
	case l.handles > MaxHandles:
		return fmt.Errorf("more than %d handles in one handover", MaxHandles)
	case l.bytes > MaxTotal:
		return fmt.Errorf("more than %d bytes of names and data in one handover", MaxTotal)
	}
	return nil
}

// TakeOver takes the handles that a program gives up at the other end of conn, by
// [HandOver]. If that program ends or fails before it has sent them all, TakeOver
// fails, too, and keeps none. What comes is distrusted as by [FromFile]: a single handle
// that is none fails the whole of it, and so do more than [MaxHandles], or [MaxTotal] bytes.
func TakeOver(conn syscall.Conn) (map[string]Handed, error) {
	all := map[string]taken{}
	err := takeOver(conn, all)
	if err == nil {
		err = sendRecord(conn, record{kind: kindTaken})
	}
	if err != nil {
		for _, one := range all {
			one.child.Close()
		}
		return nil, &OpError{Op: "take over", Err: hint(err, os.Stat)}
	}
	handles := make(map[string]Handed, len(all))
	for name, one := range all {
		handles[name] = Handed{newHolder(one.child), one.data}
	}
	return handles, nil
}

// taken is what becomes a Handed when all have come.
type taken struct {
	child *bond.Child
	data  []byte
}

func takeOver(conn syscall.Conn, all map[string]taken) error {
	var load load
	for {
		r, err := receiveRecord(conn)
		if err != nil {
			return err
		}
		switch r.kind {
		case kindEnd:
			return nil
		case kindHanded:
			if _, twice := all[r.name]; twice {
				r.close()
				return fmt.Errorf("%w: two have the name %q", ErrNotHandle, r.name)
			}
			if err := load.add(len(r.name) + len(r.data)); err != nil {
				r.close()
				return fmt.Errorf("%w: %w", ErrNotHandle, err)
			}
			child, err := adopt(r.handle)
			if err != nil {
				r.close()
				return fmt.Errorf("%q: %w", r.name, err)
			}
			all[r.name] = taken{child, r.data}
		default:
			r.close()
			return fmt.Errorf("%w: a message of something else", ErrNotHandle)
		}
	}
}

// giveUp closes the handle, which others have, and nothing else.
func (p *Process) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shared = true
	if p.closed {
		return
	}
	p.closed = true
	if p.ended {
		p.discard()
		return
	}
	p.child.Drop()
}

// handoverEnv names the descriptor of the list that Exec leaves to the next program, behind
// the pid, which stays the same in an exec: "4711:8". What the next program starts before it
// has called Inherited has the variable, too, but not the pid.
const handoverEnv = "AUTOKILL_HANDOVER"

func formatHandover(pid, fd int) string { return fmt.Sprintf("%d:%d", pid, fd) }

func parseHandover(value string) (pid, fd int, err error) {
	left, right, _ := strings.Cut(value, ":")
	pid, noPid := strconv.Atoi(left)
	fd, noFD := strconv.Atoi(right)
	if noPid != nil || noFD != nil || pid < 1 || fd < 3 {
		return 0, 0, fmt.Errorf("not a pid and a descriptor: %w", os.ErrInvalid)
	}
	return pid, fd, nil
}

// legacy is what is in that list.
type legacy struct {
	Handles []left `json:"handles"`
	// Dying are the children whose handles the exec has closed. The next program is
	// still their parent.
	Dying []int `json:"dying"`
}

// left is a handle in it. A name need not be text.
type left struct {
	Name []byte `json:"name"`
	Data []byte `json:"data"`
	FD   int    `json:"fd"`
}

// Exec replaces this program by another one, as [syscall.Exec] does, and leaves the handles
// to it: the children notice nothing, and the next program gets them by [Inherited]. It
// stays their parent, so it knows how they end. Exec returns only if it fails; then this
// program has all that it had, but what it starts with os/exec has the soft RLIMIT_NOFILE that
// Go has raised. If the exec, or the next program, is killed at any moment,
// so are the children.
//
// All other handles of this program are closed by the exec, which kills their children;
// [Inherited] in the next program reaps them.
// What other goroutines start meanwhile, by os/exec or by this package, waits for the exec: so a
// program that serves the file system of path itself must start nothing for that.
func Exec(path string, argv, env []string, handles map[string]Handed) error {
	err := checkHandover(handles)
	if err == nil {
		err = execWith(path, argv, env, handles)
	}
	return &OpError{Op: "exec", Err: hint(err, os.Stat)}
}

// Inherited returns the handles that the program before this one has left by [Exec], once:
// after that, and if there are none, the map is empty. The environment has no trace of them
// then. Whoever does not call it keeps the children alive until its end and knows nothing
// of them.
//
// They are left to the process itself: in one that it has started meanwhile, which has the
// environment of it, the map is empty, too. So call Inherited before anything is started.
//
// After an error none is left: all are closed, which kills the children unless others have
// them. Only if the list of them cannot be had, or is damaged, they stay open until the end of
// this program; those that can be read in it are close-on-exec then.
func Inherited() (map[string]Handed, error) {
	handles := map[string]Handed{}
	value, ok := os.LookupEnv(handoverEnv)
	if !ok {
		return handles, nil
	}
	_ = os.Unsetenv(handoverEnv)
	pid, fd, err := parseHandover(value)
	switch {
	case err != nil:
	case pid != os.Getpid():
		return handles, nil
	default:
		err = inherit(fd, handles)
	}
	if err != nil {
		// This program may be the parent: what follows the child stays, and reaps it.
		for _, handed := range handles {
			_ = handed.Process.Close()
		}
		return nil, &OpError{Op: "inherit", Err: fmt.Errorf("%s=%s: %w", handoverEnv, value, hint(err, os.Stat))}
	}
	return handles, nil
}

func inherit(fd int, handles map[string]Handed) error {
	legacy, err := readLegacy(fd)
	list := legacy.Handles
	if err == nil {
		bond.ReapOrphans(legacy.Dying)
		err = checkList(list)
	}
	if err != nil {
		// Nobody knows whose these are, so none is closed. But no child gets any of them.
		for _, l := range list {
			closeOnExec(l.FD)
		}
		return err
	}
	// All of them become close-on-exec, before any of them can fail.
	var failed error
	for _, l := range list {
		file, err := takeInherited(l.FD)
		var child *bond.Child
		if err == nil {
			if child, err = adopt(file); err != nil {
				file.Close()
			}
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%q: %w", l.Name, err))
			continue
		}
		handles[string(l.Name)] = Handed{newHolder(child), l.Data}
	}
	return failed
}

func checkList(list []left) error {
	var names []string
	var numbers []int
	for _, l := range list {
		switch {
		case l.FD < 3:
			return fmt.Errorf("%q has descriptor %d: %w", l.Name, l.FD, os.ErrInvalid)
		case slices.Contains(numbers, l.FD), slices.Contains(names, string(l.Name)):
			return fmt.Errorf("%q or descriptor %d is there twice: %w", l.Name, l.FD, os.ErrInvalid)
		}
		names, numbers = append(names, string(l.Name)), append(numbers, l.FD)
	}
	return nil
}
