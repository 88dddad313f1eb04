package autokill

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// streams are the descriptors of the child, and what moves data through those that
// are pipes of ours.
type streams struct {
	// child are the child's descriptors, in order; a nil one stays closed, unless it is one
	// of the first three and null.
	child    []*os.File
	standard [3]*os.File // child's memory, for most
	// null are those that the child opens itself.
	null [3]bool
	// handed are the files that were opened for the child only. They are closed when
	// the child has them, or when it could not be started.
	handed []*os.File
	// pipes are our ends. They are closed when all is over.
	pipes []*os.File

	copies  []func() error // to be started with the child
	results chan error     // one for each copy
	running int            // copies whose result was not taken yet
	first   error          // of the copies' errors
}

// prepare makes the child's descriptors of what the Cmd says. Where a stream is no
// file it is a pipe, and a copy of it is to be started.
func (s *streams) prepare(c *Cmd) error {
	s.null = [...]bool{c.Stdin == nil, c.Stdout == nil, c.Stderr == nil}
	stdin, err := s.reader(c.Stdin)
	if err != nil {
		return err
	}
	stdout, err := s.writer(c.Stdout)
	if err != nil {
		return err
	}
	stderr := stdout
	if !same(c.Stderr, c.Stdout) {
		if stderr, err = s.writer(c.Stderr); err != nil {
			return err
		}
	}
	s.standard = [...]*os.File{stdin, stdout, stderr}
	s.child = append(s.standard[:], c.ExtraFiles...)
	return nil
}

// same says whether both are one writer. Those that cannot be compared are not.
func same(a, b any) (equal bool) {
	defer func() { _ = recover() }()
	return a == b
}

func (s *streams) reader(r io.Reader) (*os.File, error) {
	switch source := r.(type) {
	case nil:
		return nil, nil
	case *os.File:
		return source, nil // nil: closed
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.lend(theirs, ours)
	s.copies = append(s.copies, func() error {
		_, err := io.Copy(ours, r)
		if unread(err, ours) {
			err = nil
		}
		if closeErr := ours.Close(); err == nil {
			err = closeErr
		}
		return err
	})
	return theirs, nil
}

// unread says that the child has ended or closed its standard input before it had
// read all of it. That is its own affair.
func unread(err error, pipe *os.File) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Op == "write" && path.Path == pipe.Name() && errors.Is(err, syscall.EPIPE)
}

func (s *streams) writer(w io.Writer) (*os.File, error) {
	switch sink := w.(type) {
	case nil:
		return nil, nil
	case *os.File:
		return sink, nil // nil: closed
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.lend(theirs, ours)
	s.copies = append(s.copies, func() error {
		_, err := io.Copy(w, ours)
		// Where the writer failed, the child is to notice at its next write.
		_ = ours.Close()
		return err
	})
	return theirs, nil
}

// lend keeps both ends of a pipe in mind until it is time to close them.
func (s *streams) lend(theirs, ours *os.File) {
	s.handed = append(s.handed, theirs)
	s.pipes = append(s.pipes, ours)
}

// handOver closes what the child has by now, or never will have.
func (s *streams) handOver() {
	closeAll(s.handed)
	s.handed = nil
}

// closePipes ends the copies that are still running.
func (s *streams) closePipes() { closeAll(s.pipes) }

// discard is for a child that could not be started.
func (s *streams) discard() {
	s.handOver()
	s.closePipes()
	s.pipes, s.copies = nil, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // a second time is harmless
	}
}

// copy starts the copies, a goroutine for each.
func (s *streams) copy() {
	if len(s.copies) == 0 {
		return
	}
	s.running = len(s.copies)
	s.results = make(chan error, s.running)
	for _, run := range s.copies {
		go func() { s.results <- run() }()
	}
	s.copies = nil
}

// drain waits until all copies have ended, and returns the first of their errors.
// When the time is over before, it closes our ends, waits for what that ends, and
// returns ErrWaitDelay. A nil channel is no limit. What has ended already counts,
// however late it is.
func (s *streams) drain(over <-chan time.Time) error {
	for s.running > 0 {
		select {
		case err := <-s.results:
			s.took(err)
			continue
		default:
		}
		select {
		case err := <-s.results:
			s.took(err)
		case <-over:
			s.cut()
		}
	}
	return s.first
}

func (s *streams) took(err error) {
	s.running--
	if s.first == nil {
		s.first = err
	}
}

// cut closes our ends. What the copies say of that is nobody's business.
func (s *streams) cut() {
	s.closePipes()
	for s.running > 0 {
		s.took(<-s.results)
	}
	s.first = ErrWaitDelay
}
