//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autokill/autokill/internal/testproc"
)

// usage is what this program has of something, by name. What the machine has is there, too.
type usage map[string]uint64

// mayGrow is by how much usage may be more than after the first starts, and still is flat: what
// is counted must all be given back, and memory is not given back to the byte. With 200,000
// starts a megabyte is five bytes for each.
var mayGrow = usage{
	"descriptors": 0, "sockets and pipes": 0, "goroutines": 0,
	"heap": 1 << 20, "resident memory": 32 << 20,
}

// ofTheMachine may grow by a tenth of an object for each start: others make some meanwhile. So
// this tells something only after many starts.
const ofTheMachine, manyStarts = 10, 50_000

// slabs are the kernel's objects that a start makes, by their names in /proc/slabinfo (root
// alone may read it). Caches that the kernel has merged with others are not there.
var slabs = []string{"sock_inode_cache", "pid", "filp", "fasync_cache", "cred", "cred_jar", "task_struct", "signal_cache", "pid_namespace"}

// measure makes garbage of what nobody needs, and counts the rest.
func measure(t *testing.T) usage {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	u := usage{
		"goroutines":      uint64(runtime.NumGoroutine()),
		"heap":            memory.HeapAlloc,
		"resident memory": residentMemory(t),
	}
	for _, what := range testproc.OpenDescriptors() {
		u["descriptors"]++
		if strings.HasPrefix(what, "socket:") || strings.HasPrefix(what, "pipe:") {
			u["sockets and pipes"]++
		}
	}
	for name, count := range machineUsage() {
		u[name] = count
	}
	return u
}

// residentMemory is the second number of /proc/PID/statm (proc(5)).
func residentMemory(t *testing.T) uint64 {
	t.Helper()
	var size, resident uint64
	text, err := os.ReadFile(filepath.Join(testproc.Proc(), "self/statm"))
	if err == nil {
		_, err = fmt.Sscan(string(text), &size, &resident)
	}
	if err != nil {
		t.Fatal(err)
	}
	return resident * uint64(os.Getpagesize())
}

// machineUsage is what all programs together have.
func machineUsage() usage {
	u := usage{}
	if text, err := os.ReadFile(filepath.Join(testproc.Proc(), "net/unix")); err == nil {
		u["unix sockets"] = uint64(strings.Count(string(text), "\n"))
	}
	text, _ := os.ReadFile(filepath.Join(testproc.Proc(), "slabinfo")) // not for everybody
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		for _, name := range slabs {
			if len(fields) > 1 && fields[0] == name {
				count, _ := strconv.ParseUint(fields[1], 10, 64)
				u["slab "+name] = count
			}
		}
	}
	return u
}

// flat compares, and makes the rows of a table. What has ended just now may still be on its
// way out: it has some time.
func flat(t *testing.T, before usage, starts int) (rows [][]string) {
	t.Helper()
	after := measure(t)
	for deadline := time.Now().Add(testproc.Patience); ; after = measure(t) {
		if len(grown(before, after, starts)) == 0 || time.Now().After(deadline) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, name := range grown(before, after, starts) {
		t.Errorf("%s: %d before, %d after %d starts", name, before[name], after[name], starts)
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		rows = append(rows, []string{name, strconv.FormatUint(before[name], 10), strconv.FormatUint(after[name], 10)})
	}
	return rows
}

// grown names what is not flat.
func grown(before, after usage, starts int) (names []string) {
	for name := range before {
		limit, own := mayGrow[name]
		if !own {
			limit = uint64(starts / ofTheMachine)
		}
		if (own || starts >= manyStarts) && after[name] > before[name]+limit {
			names = append(names, name)
		}
	}
	return names
}
