package cli

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// inherited are the descriptors from 3 on that were left open for us, at their
// places: entry i is descriptor 3+i or nil. The one to be held is not among them.
// What autokill itself and Go's runtime have opened is close-on-exec.
func inherited(held int) ([]*os.File, error) {
	numbers, err := passedOn(held)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for _, n := range numbers {
		files = append(files, make([]*os.File, n-3-len(files))...)
		files = append(files, os.NewFile(uintptr(n), fmt.Sprintf("descriptor %d", n)))
	}
	return files, nil
}

// passedOn are the numbers of the same, in order.
func passedOn(held int) ([]int, error) {
	numbers, err := openNumbers()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(numbers, func(n int) bool {
		flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0)
		return n < 3 || n == held || err != nil || flags&unix.FD_CLOEXEC != 0
	}), nil
}

// openNumbers are the open descriptors in order, and perhaps some that are not
// open any more.
func openNumbers() ([]int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return possibleNumbers()
	}
	var numbers []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// possibleNumbers is for where /proc is not mounted. A descriptor above the limit
// is possible if the limit was lowered with it open.
func possibleNumbers() ([]int, error) {
	const most = 1 << 20 // the default of fs.nr_open, above which no limit can be
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, os.NewSyscallError("getrlimit", err)
	}
	numbers := make([]int, min(limit.Max, most))
	for i := range numbers {
		numbers[i] = i
	}
	return numbers, nil
}
