//go:build !linux

package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/autokill/autokill"
)

// Here no command can be started, so nothing of this matters but the errors.

func unsupported(what string) error {
	return fmt.Errorf("%s on %s: autokill works on Linux: %w", what, runtime.GOOS, errors.ErrUnsupported)
}

func describe(int, []*os.File) (descriptor, error) { return descriptor{}, unsupported("--hold") }
func hungUp(int, int) (bool, error)                { return false, unsupported("--hold") }
func inherited(int) ([]*os.File, error)            { return nil, unsupported("run") }
func passedOn(int) ([]int, error)                  { return nil, unsupported("exec") }
func closeOnExec(int) (int, error)                 { return 0, unsupported("exec") }
func block([]syscall.Signal) error                 { return unsupported("exec") }
func examine(string) (executable, error)           { return executable{}, unsupported("privileges") }
func inForeground() bool                           { return false }
func takeTerminalBack(int, bool) bool              { return false }
func atTerminal(*autokill.Cmd)                     {}
func groupOf(int) int                              { return -1 }
func underJobControl() bool                        { return false }
func reapOrphans(int)                              {}
func systemSignals() []syscall.Signal              { return nil }
func kernelRelease() string                        { return runtime.GOOS }

// job is never there.
type job struct{}

func catchStops() error                       { return nil }
func stopToo(syscall.Signal, bool) bool       { return false }
func newJob(*autokill.Process) *job           { return nil }
func (*job) look()                            {}
func (*job) expectStop()                      {}
func (*job) mayHaveStopped() <-chan time.Time { return nil }
