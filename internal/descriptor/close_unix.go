//go:build unix

package descriptor

import "syscall"

func closeNumber(number int) error { return syscall.Close(number) }
