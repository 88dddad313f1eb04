//go:build linux

package cli

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/siginfo"
)

// TestEarlySignalStartsTheKillClock: a TERM that came before the command was there
// is passed on, and the time of --kill-after runs from it.
func TestEarlySignalStartsTheKillClock(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := autokill.Command("sh", "-c", "trap '' TERM; "+lasting)
	cmd.ExtraFiles = []*os.File{w}
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Close()
	if _, err := r.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	signals := make(chan siginfo.Info, 1)
	signals <- siginfo.Info{Signal: syscall.SIGTERM}
	s := &supervisor{process: cmd.Process, signals: signals, killAfter: time.Millisecond}
	end, err := s.supervise()
	if err != nil || end.signal != syscall.SIGKILL {
		t.Errorf("the command ended with %+v, %v: want SIGKILL", end, err)
	}
}
