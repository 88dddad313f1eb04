//go:build linux

package testproc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Stat is the part of /proc/PID/stat (proc(5)) that tests ask about.
type Stat struct {
	PID   int
	Name  string
	State string // a letter: Z and X are dead
	PPID  int
}

// ReadStat reads the stat file at path. A process that is gone is fs.ErrNotExist, or
// ESRCH if it went while the file was read.
func ReadStat(path string) (Stat, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Stat{}, err
	}
	// The name is in parentheses and may hold anything.
	line := string(b)
	begin, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if begin < 0 || end < begin {
		return Stat{}, fmt.Errorf("%s: %q", path, line)
	}
	s := Stat{Name: line[begin+1 : end]}
	_, pidErr := fmt.Sscan(line[:begin], &s.PID)
	_, err = fmt.Sscan(line[end+1:], &s.State, &s.PPID)
	if pidErr != nil || err != nil {
		return Stat{}, fmt.Errorf("%s: %q", path, line)
	}
	return s, nil
}

// ReadProcess reads the stat of a process.
func ReadProcess(pid int) (Stat, error) {
	return ReadStat(filepath.Join(Proc(), strconv.Itoa(pid), "stat"))
}

// Processes are all that there are, dead ones that nobody has reaped among them.
func Processes() []Stat { return readStats(filepath.Join(Proc(), "[0-9]*/stat")) }

// Threads are those of a process.
func Threads(pid int) []Stat {
	return readStats(filepath.Join(Proc(), strconv.Itoa(pid), "task/*/stat"))
}

func readStats(pattern string) []Stat {
	var all []Stat
	paths, _ := filepath.Glob(pattern)
	for _, path := range paths {
		// An error means that it ended just now.
		if s, err := ReadStat(path); err == nil {
			all = append(all, s)
		}
	}
	return all
}
