//go:build !unix

package autokill

import (
	"syscall"
	"time"
)

// No child was ever started here.

func userTime(*syscall.Rusage) time.Duration { return 0 }

func systemTime(*syscall.Rusage) time.Duration { return 0 }
