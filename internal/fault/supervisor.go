//go:build linux && (amd64 || arm64)

package fault

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Supervisor stands over a program.
type Supervisor struct {
	listener *os.File
	gone     chan struct{}
	err      error

	mu     sync.Mutex
	trace  trace
	decide Decide
}

// Decide says what a call is to get: 0 lets it go on. It is asked before the call is made,
// and nothing under the filter goes on before it has answered.
type Decide func(Site) syscall.Errno

// Pass lets every call go on.
func Pass(Site) syscall.Errno { return 0 }

// Supervise stands over the program with that pid, whose listener it takes over.
func Supervise(listener *os.File, program int) *Supervisor {
	s := &Supervisor{listener: listener, gone: make(chan struct{}), trace: newTrace(program), decide: Pass}
	go s.serve()
	return s
}

// Watch asks decide about the calls of the next stretch (see [Begin]).
func (s *Supervisor) Watch(decide Decide) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decide = decide
}

// Trace are the calls of the last stretch, in their order.
func (s *Supervisor) Trace() []Site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trace.sites
}

// Gone is closed when nobody has the filter left: the program has ended, and all that came
// of it, however they have hidden. Dead ones that nobody has reaped may keep it.
func (s *Supervisor) Gone() <-chan struct{} { return s.gone }

// Err is why the supervisor has given up, after Gone.
func (s *Supervisor) Err() error { return s.err }

func (s *Supervisor) serve() {
	defer close(s.gone)
	defer s.listener.Close()
	fd := int(s.listener.Fd())
	takeTurns(fd)
	for {
		more, err := ready(fd)
		if err != nil || !more {
			s.err = err
			return
		}
		n, err := receive(fd)
		if err == nil {
			err = s.one(fd, n)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			s.err = err
			return
		}
	}
}

func (s *Supervisor) one(fd int, n notification) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	site, ok := s.trace.see(n)
	errno := syscall.Errno(0)
	if ok {
		errno = s.decide(site)
	}
	err := answer(fd, n.id, errno)
	switch {
	case !ok:
	case err != nil:
		s.trace.forget(site) // it was not made; it comes again, or its process is dead
	case errno == 0:
		s.trace.made(n)
	}
	return err
}
