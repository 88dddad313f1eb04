package autokill

import (
	"fmt"
	"io"
	"os"
)

// StdinPipe returns a pipe to the child's standard input. Closing it is the end of
// input for the child; [Cmd.Wait] closes it when it has seen the child's end.
func (c *Cmd) StdinPipe() (io.WriteCloser, error) {
	if c.Stdin != nil {
		return nil, errStdinSet
	}
	theirs, ours, err := c.pipe("StdinPipe")
	if err != nil {
		return nil, err
	}
	c.Stdin = theirs
	c.streams.lend(theirs, ours)
	return ours, nil
}

// StdoutPipe returns a pipe from the child's standard output. [Cmd.Wait] closes it
// when it has seen the child's end: read all that you want before you call Wait, and
// do not use it with [Cmd.Run].
func (c *Cmd) StdoutPipe() (io.ReadCloser, error) {
	return c.outputPipe("StdoutPipe", &c.Stdout, errStdoutSet)
}

// StderrPipe returns a pipe from the child's standard error. The rules of
// [Cmd.StdoutPipe] hold.
func (c *Cmd) StderrPipe() (io.ReadCloser, error) {
	return c.outputPipe("StderrPipe", &c.Stderr, errStderrSet)
}

func (c *Cmd) outputPipe(method string, stream *io.Writer, errSet error) (io.ReadCloser, error) {
	if *stream != nil {
		return nil, errSet
	}
	ours, theirs, err := c.pipe(method)
	if err != nil {
		return nil, err
	}
	*stream = theirs
	c.streams.lend(theirs, ours)
	return ours, nil
}

// pipe makes a pipe for a command that was not started yet.
func (c *Cmd) pipe(method string) (r, w *os.File, err error) {
	if c.Process != nil {
		return nil, nil, fmt.Errorf("exec: %s after process started", method)
	}
	return os.Pipe()
}
