//go:build !unix

package descriptor

import "os"

func closeNumber(number int) error { return os.NewFile(uintptr(number), "").Close() }
