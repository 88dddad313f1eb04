//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
)

// limit is what a watched program has no more of during an operation.
type limit string

const (
	noLimit       limit = ""
	descriptors   limit = "RLIMIT_NOFILE"        // to that many
	queuedSignals limit = "RLIMIT_SIGPENDING"    // to none
	userTasks     limit = "RLIMIT_NPROC"         // to none; an ordinary user's
	groupTasks    limit = "pids.max"             // to none, in the cgroup that it is in
	pipePages     limit = "pipe-user-pages-soft" // used up, for whoever has no CAP_SYS_RESOURCE
	hardPipePages limit = "pipe-user-pages-hard" // the same, and there are no small pipes either
)

// atTheLimit runs the operation there.
func atTheLimit(do order, act func() error) error {
	switch do.Limit {
	case descriptors:
		return withRlimit(unix.RLIMIT_NOFILE, do.Value, act)
	case queuedSignals:
		return withRlimit(unix.RLIMIT_SIGPENDING, do.Value, act)
	case userTasks:
		makeThreads()
		return withRlimit(unix.RLIMIT_NPROC, do.Value, act)
	case groupTasks:
		makeThreads()
		return withoutTasks(do.Group, act)
	case pipePages, hardPipePages:
		free := usePipePages(do.Limit == hardPipePages)
		defer free()
	}
	return act()
}

func withRlimit(resource int, soft uint64, act func() error) error {
	var before unix.Rlimit
	check(unix.Prlimit(0, resource, nil, &before))
	check(unix.Prlimit(0, resource, &unix.Rlimit{Cur: soft, Max: before.Max}, nil))
	err := act()
	check(unix.Prlimit(0, resource, &before, nil))
	return err
}

// withoutTasks lets nobody in the group make a process or a thread.
func withoutTasks(group string, act func() error) error {
	file := filepath.Join(group, "pids.max")
	check(os.WriteFile(file, []byte("0"), 0))
	err := act()
	check(os.WriteFile(file, []byte("max"), 0))
	return err
}

// makeThreads makes more threads than an operation needs, once. Go keeps them, and dies where
// it wants another and cannot have it.
var makeThreads = sync.OnceFunc(func() {
	const enough = 24
	var here, done sync.WaitGroup
	here.Add(enough)
	for range enough {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			here.Done()
			here.Wait()
		})
	}
	done.Wait()
})

// usePipePages makes large pipes until that is refused, and then small ones, too, until all are.
func usePipePages(small bool) (free func()) {
	var files []*os.File
	large := true
	for range 1 << 7 {
		r, w, err := os.Pipe()
		if err != nil {
			break
		}
		files = append(files, r, w)
		if !large {
			continue
		}
		conn, err := w.SyscallConn()
		check(err)
		var refused error
		check(conn.Control(func(fd uintptr) { _, refused = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) }))
		if large = refused == nil; !large && !small {
			break
		}
	}
	return func() {
		for _, file := range files {
			file.Close()
		}
	}
}

// reached says whether an error is what comes of the limit. The number that a descriptor
// would have had can also be a bad one, or an invalid argument.
func (l limit) reached(err error) bool {
	names := []error{unix.EMFILE, unix.ETOOMANYREFS, unix.EBADF, unix.EINVAL, autokill.ErrNotHandle}
	switch l {
	case userTasks, groupTasks:
		names = []error{unix.EAGAIN}
	case hardPipePages:
		names = []error{unix.ENFILE}
	}
	for _, name := range names {
		if errors.Is(err, name) {
			return errors.As(err, new(*autokill.OpError))
		}
	}
	return false
}
