//go:build unix

package autokill

import (
	"syscall"
	"time"
)

func userTime(r *syscall.Rusage) time.Duration { return time.Duration(r.Utime.Nano()) }

func systemTime(r *syscall.Rusage) time.Duration { return time.Duration(r.Stime.Nano()) }
