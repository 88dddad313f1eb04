//go:build linux && (amd64 || arm64)

package bond

import (
	"bufio"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/testproc"
)

const opensRole = "opens"

// opens says the highest number of 100 files that it opens.
func opens([]string) int {
	highest := -1
	for range 100 {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		highest = max(highest, fd)
	}
	fmt.Println(highest)
	return 0
}

// TestTheTableIsWhole: a child has all numbers for itself that it did not get from its holder,
// however many that has open.
func TestTheTableIsWhole(t *testing.T) {
	line := testproc.NewLifeline(t) // first, for the table is shared where the child's files have low numbers
	for range 300 {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	child, err := Start(&clone.Request{
		Path: testproc.Exe, Argv: []string{testproc.Exe}, Env: testproc.RoleEnv(opensRole), Files: []int{-1, int(line.End().Fd()), 2},
	}, Wish{Kind: Tripwire})
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	line.Cut()
	said, _ := bufio.NewReader(line).ReadString('\n')
	var highest int
	if _, err := fmt.Sscan(said, &highest); err != nil || highest > 110 {
		t.Errorf("the highest of 100 files is %q, %v", said, err)
	}
	if end := child.Await(); !end.Known || end.Status != 0 {
		t.Errorf("it ended with %+v", end)
	}
}
