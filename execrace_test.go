//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/racer"
	"github.com/autokill/autokill/internal/testproc"
)

// racing is how many race at the same time. More of them exec less often each, and fewer
// leave processors idle: then nobody is stopped in the middle of a kill.
const racing = 8

// ways are those in which racers lose their holder. What is prepared is not done in the race.
var ways = []struct {
	name    string
	prepare func(t *testing.T, all []*autokill.Process) (end func())
}{
	{"Close", func(_ *testing.T, all []*autokill.Process) func() { return func() { closeAll(all) } }},
	{"kill -9 of the holder", func(t *testing.T, all []*autokill.Process) func() {
		t.Helper()
		// It has all handles, and nothing else to do at its end.
		holder := exec.Command("/bin/sleep", "1000")
		for _, p := range all {
			handle, err := p.File()
			if err != nil {
				t.Fatal(err)
			}
			defer handle.Close()
			holder.ExtraFiles = append(holder.ExtraFiles, handle)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		closeAll(all) // which ends nobody: they are shared
		return func() {
			if err := holder.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = holder.Wait()
		}
	}},
}

func closeAll(all []*autokill.Process) {
	for _, p := range all {
		_ = p.Close()
	}
}

// TestExecRace counts the kills that are lost to an exec from a thread that is not the
// leader: see "The exec race" in docs/mechanisms.md. The kernel's own loses some when a holder
// crashes, and that number is told and not asserted.
func TestExecRace(t *testing.T) {
	tries := 100
	switch {
	case evidence.Wanted():
		tries = 10_000
	case !testing.Short():
		tries = 1000
	}
	program := writeRacer(t)
	var rows [][]string
	for _, name := range []string{"native", "tripwire", "tree"} {
		for _, way := range testproc.Part(ways) {
			t.Run(name+"/"+way.name, func(t *testing.T) {
				if name == "native" {
					needNative(t)
				}
				tries := tries
				if name == "tree" { // whose mechanism had its turn
					tries = min(tries, 1000)
				}
				began, told := time.Now(), time.Now()
				tried, lost := 0, 0
				for tried < tries {
					raced, survived := raceOnce(t, name, program, way.prepare)
					tried, lost = tried+raced, lost+survived
					if time.Since(told) > time.Minute {
						told = time.Now()
						t.Logf("%d of %d after %.0f s, %d lost", tried, tries, time.Since(began).Seconds(), lost)
					}
				}
				t.Logf("%d in %.0f s, %d lost", tried, time.Since(began).Seconds(), lost)
				if lost > 0 && (name != "native" || way.name == "Close") {
					t.Errorf("%d of %d kills were lost", lost, tried)
				}
				rows = append(rows, []string{name, way.name, strconv.Itoa(tried), strconv.Itoa(lost), evidence.Bound(lost, tried)})
			})
		}
	}
	evidence.Table(t, "exec race", []string{"mechanism", "ends by", "tries", "lost", "rate"}, rows)
}

// writeRacer makes the program a file that everybody can execute.
func writeRacer(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "autokill-racer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "racer")
	if err := os.WriteFile(path, racer.Program(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// raceOnce lets go of racers at once and says how many there were then, and how many are not
// killed. All is done from here, as the start of a Go program takes longer than the race.
func raceOnce(t *testing.T, subject, program string, prepare func(*testing.T, []*autokill.Process) func()) (raced, lost int) {
	t.Helper()
	line := testproc.NewLifeline(t)
	defer line.Close()
	gate, start, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer start.Close()
	defer gate.Close()
	all := make([]*autokill.Process, racing)
	pids := make([]int, racing)
	defer func() {
		for _, p := range all {
			if p != nil {
				_ = p.Close()
				<-p.Done()
			}
		}
	}()
	for i := range all {
		c := subjects[subject].Command(program)
		c.Stdin, c.Stdout, c.Stderr = gate, line.End(), os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all[i], pids[i] = c.Process, c.Process.Pid
	}
	end := prepare(t, all)
	line.Deadline(t, time.Now().Add(testproc.Patience))
	words := make([]byte, racing)
	if _, err := io.ReadFull(line, words); err != nil || string(words) != strings.Repeat("+", racing) {
		t.Fatalf("the racers said %q, %v", words, err)
	}
	racers := testproc.Watch(t, pids)
	defer racers.Close()
	start.Close()
	// Chance picks the moment, within some rounds of all racers.
	time.Sleep(rand.N(racing * time.Millisecond))
	// An exec or a new thread can fail on a machine that is that busy.
	raced = len(racers.Living(t, 0))
	if raced < racing/2 {
		t.Fatalf("%d of %d racers have ended by themselves", racing-raced, racing)
	}
	end()
	// Who was killed is dead long before this, but on a machine that is very busy. Who was not
	// never ends.
	living := racers.Living(t, 2*time.Second)
	if !raceOn(pids, living) {
		living = racers.Living(t, testproc.Patience/3)
	}
	for _, i := range living {
		racers.Kill(i)
	}
	line.AllGone(t)
	return raced, len(living)
}

// raceOn says whether each of these makes new threads. Who was killed makes none.
func raceOn(pids, which []int) bool {
	for _, i := range which {
		before := testproc.Threads(pids[i])
		isNew := func(thread testproc.Stat) bool {
			return !slices.ContainsFunc(before, func(old testproc.Stat) bool { return old.PID == thread.PID })
		}
		for deadline := time.Now().Add(2 * time.Second); !slices.ContainsFunc(testproc.Threads(pids[i]), isNew); {
			if time.Now().After(deadline) {
				return false
			}
		}
	}
	return true
}
