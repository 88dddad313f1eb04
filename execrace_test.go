//go:build linux && (amd64 || arm64)

package autokill_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/racer"
	"github.com/autokill/autokill/internal/testproc"
)

const racersRole = "holder of racers"

// holdRacers starts some of a subject, says who they are, and closes them when told to. Its
// arguments are the subject, the program and how many.
func holdRacers(args []string) int {
	count, err := strconv.Atoi(args[2])
	start, lifeline := os.NewFile(3, "start"), os.NewFile(4, "lifeline")
	var all []*autokill.Process
	for range count {
		c := subjects[args[0]].Command(args[1])
		c.Stdin, c.Stdout, c.Stderr = start, lifeline, os.Stderr
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "racers:", err)
			return 1
		}
		all = append(all, c.Process)
		fmt.Println(c.Process.Pid)
	}
	start.Close()
	lifeline.Close()
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return 1 // the test is gone
	}
	for _, p := range all {
		p.Close()
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// ways are those in which a holder lets go of racers.
var ways = []struct {
	name string
	end  func(holder *os.Process, stdin io.Writer) error
}{
	{"Close", func(_ *os.Process, stdin io.Writer) error { _, err := io.WriteString(stdin, "x"); return err }},
	{"kill -9 of the holder", func(holder *os.Process, _ io.Writer) error { return holder.Kill() }},
}

// TestExecRace counts the kills that are lost to an exec from a thread that is not the
// leader: see "The exec race" in docs/mechanisms.md. The kernel's own loses some when a holder
// crashes, and that number is told and not asserted.
func TestExecRace(t *testing.T) {
	const batch = 50
	tries := 2 * batch
	switch {
	case evidence.Wanted() && os.Geteuid() == 0:
		tries = 20_000
	case evidence.Wanted(), !testing.Short(): // the race does not care who the user is
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
				tried, lost := 0, 0
				for tried < tries {
					racing, survived := raceOnce(t, name, program, batch, way.end)
					tried, lost = tried+racing, lost+survived
				}
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

// raceOnce lets go of so many racers at once and says how many there were then, and how many
// are not killed.
func raceOnce(t *testing.T, subject, program string, count int, end func(*os.Process, io.Writer) error) (racing, lost int) {
	t.Helper()
	line := testproc.NewLifeline(t)
	defer line.Close()
	gate, start, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer start.Close()
	defer gate.Close()
	holder := testproc.Command(racersRole, subject, program, strconv.Itoa(count))
	holder.ExtraFiles = []*os.File{gate, line.End()}
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
		testproc.ReapAll()
	}()
	line.Cut()
	pids := make([]int, count)
	for i := range pids {
		if _, err := fmt.Fscan(stdout, &pids[i]); err != nil {
			t.Fatalf("the holder: %v", err)
		}
	}
	line.Deadline(t, time.Now().Add(testproc.Patience))
	words := make([]byte, count)
	if _, err := io.ReadFull(line, words); err != nil || string(words) != strings.Repeat("+", count) {
		t.Fatalf("the racers said %q, %v", words, err)
	}
	racers := testproc.Watch(t, pids)
	defer racers.Close()
	start.Close()
	// Chance picks the moment, within some rounds of all racers.
	time.Sleep(rand.N(time.Duration(count) * time.Millisecond))
	// An exec or a new thread can fail on a machine that is that busy.
	racing = len(racers.Living(t, 0))
	if racing < count/2 {
		t.Fatalf("%d of %d racers have ended by themselves", count-racing, count)
	}
	if err := end(holder.Process, stdin); err != nil {
		t.Fatal(err)
	}
	// Who was killed is dead long before this. Who was not never ends.
	living := racers.Living(t, testproc.Patience/3)
	for _, i := range living {
		racers.Kill(i)
	}
	line.AllGone(t)
	return racing, len(living)
}
