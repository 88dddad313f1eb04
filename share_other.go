//go:build !linux

package autokill

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// There are no handles here.

func errSystem() error {
	return fmt.Errorf("handles on %s: autokill works on Linux: %w", runtime.GOOS, errors.ErrUnsupported)
}

func duplicate(syscall.Conn, string) (*os.File, error) { return nil, errSystem() }

func duplicateObserver(syscall.Conn) (*os.File, error) { return nil, errSystem() }

func rightsOf(*os.File) ([]byte, error) { return nil, errSystem() }

func carries(syscall.RawConn) error { return errSystem() }

func sendPiece(syscall.RawConn, []byte, []byte) (int, error) { return 0, errSystem() }

func receivePiece(syscall.RawConn, []byte) (int, []*os.File, error) { return 0, nil, errSystem() }

func execWith(string, []string, []string, map[string]Handed) error { return errSystem() }

func readLegacy(int) (legacy, error) { return legacy{}, errSystem() }

func takeInherited(int) (*os.File, error) { return nil, errSystem() }

func closeOnExec(int) {}
