//go:build linux && (amd64 || arm64)

package main

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/autokill/autokill/internal/testproc"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { testproc.Main(m, nil) }

// TestHandover lets the example restart itself ten times, and once more because it is
// asked to, and kills it.
func TestHandover(t *testing.T) {
	program := filepath.Join(t.TempDir(), "handover")
	testproc.Go(t, "build", "-o", program, ".")
	cmd := exec.Command(program, "-workers", "3", "-restarts", "10")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`^generation (\d+), process (\d+), workers \[(\d+) (\d+) (\d+)\], (\d+) jobs done meanwhile\n$`)
	lines := bufio.NewReader(out)
	var first []string
	for generation := range 12 {
		line, err := lines.ReadString('\n')
		got := said.FindStringSubmatch(line)
		if err != nil || got == nil || got[1] != strconv.Itoa(generation) {
			t.Fatalf("generation %d: %q, %v", generation, line, err)
		}
		if first == nil {
			first = got
		}
		for i := 2; i <= 5; i++ {
			if got[i] != first[i] {
				t.Errorf("generation %d: %q, and the first was %q", generation, line, first[0])
			}
		}
		if generation == 10 {
			if err := cmd.Process.Signal(unix.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for _, pid := range first[3:6] {
		dies(t, pid)
	}
}

// dies waits for the end of a worker, whose zombie is ours to reap.
func dies(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(n, &status, 0, nil); err != nil || status.Signal() != unix.SIGKILL {
		t.Errorf("worker %d: status %#x, %v", n, status, err)
	}
}
