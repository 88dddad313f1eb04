//go:build !linux || !(amd64 || arm64)

package pidfd

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// There are no process descriptors here. Only open, isPidfd and sysAdmin can be
// reached: without them there is no FD to call the rest on, and no start.

func lackingSystem() error {
	return fmt.Errorf("pidfd: not on %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
}

func open(int, Flags) (int, error)                  { return -1, lackingSystem() }
func closeFD(int)                                   {}
func isPidfd(int) error                             { return lackingSystem() }
func statusFlags(int) (int, error)                  { return 0, lackingSystem() }
func onPidfs(int) (bool, error)                     { return false, lackingSystem() }
func stat(int) (inode, error)                       { return inode{}, lackingSystem() }
func poll(int) (in, hup bool, err error)            { return false, false, lackingSystem() }
func epollOn(int) (int, error)                      { return -1, lackingSystem() }
func sendSignal(int, syscall.Signal, Target) error  { return lackingSystem() }
func getFD(int, int) (int, error)                   { return -1, lackingSystem() }
func openNamespace(int, Namespace) (int, error)     { return -1, lackingSystem() }
func getInfo(int, InfoMask) ([infoSize]byte, error) { return [infoSize]byte{}, lackingSystem() }
func peek(int) (Exit, bool, error)                  { return Exit{}, false, lackingSystem() }
func reap(int) (Exit, bool, error)                  { return Exit{}, false, lackingSystem() }
func sysAdmin() (bool, error)                       { return false, lackingSystem() }
func (p *Program) start() (*FD, int, error)         { return nil, 0, lackingSystem() }
func waitStatus(uint32) (none syscall.WaitStatus)   { return none }
