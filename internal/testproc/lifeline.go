//go:build linux

package testproc

import (
	"io"
	"os"
	"testing"
	"time"
)

// Lifeline is a pipe whose writing end is given to processes. At its end of file
// all of them are gone, whatever their pids are by then.
type Lifeline struct {
	r, w *os.File
}

// NewLifeline makes one that the test closes in the end.
func NewLifeline(t testing.TB) *Lifeline {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l := &Lifeline{r, w}
	t.Cleanup(l.Close)
	return l
}

// Close gives it up before the test ends, which does it at the latest.
func (l *Lifeline) Close() {
	l.r.Close()
	l.w.Close()
}

// End is the end to give away.
func (l *Lifeline) End() *os.File { return l.w }

// Cut closes our own copy of the end, which must be done when all processes have
// been given theirs.
func (l *Lifeline) Cut() { l.w.Close() }

// Read reads what the processes write.
func (l *Lifeline) Read(b []byte) (int, error) { return l.r.Read(b) }

// Deadline bounds the reading.
func (l *Lifeline) Deadline(t testing.TB, at time.Time) {
	t.Helper()
	if err := l.r.SetReadDeadline(at); err != nil {
		t.Fatal(err)
	}
}

// AllGone fails the test unless all processes with the end are gone in time. It
// returns what they had written.
func (l *Lifeline) AllGone(t testing.TB) []byte {
	t.Helper()
	l.Cut()
	l.Deadline(t, time.Now().Add(Patience))
	written, err := io.ReadAll(l.r)
	if err != nil {
		t.Errorf("somebody has survived: %v", err)
	}
	return written
}
