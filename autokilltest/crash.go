//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// crowdRole starts children without end, from several goroutines at once, until it
// is killed.
const crowdRole = "crowd"

// crowdSize is how many starts are under way in a crowd at any moment.
const crowdSize = 16

// Descriptors of a crowd.
const (
	crowdLifeline = 3
	crowdDiary    = 4
)

// diary is memory that a crowd shares with the test, which reads it when the crowd
// is dead. Each starter counts: odd while it is in Start, even while it is not.
type diary [crowdSize]atomic.Uint64

func openDiary(fd int) (*diary, error) {
	b, err := unix.Mmap(fd, 0, int(unsafe.Sizeof(diary{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return (*diary)(unsafe.Pointer(&b[0])), nil
}

func (d *diary) close() error {
	return unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(d)), unsafe.Sizeof(*d)))
}

func crowd(subjects Subjects, args []string) int {
	subject := subjects[args[0]]
	d, err := openDiary(crowdDiary)
	check(err)
	lifeline := os.NewFile(crowdLifeline, "lifeline")
	check(subject.Command("true").Run()) // what is learned once is learned now
	began := time.Now()
	check(subject.Command("true").Run())
	fmt.Println(time.Since(began).Microseconds())
	failed := make(chan error)
	for i := range crowdSize {
		go func() {
			for n := uint64(0); ; n += 2 {
				// The program's first act is to say who it is.
				c := subject.Command("/bin/sh", "-c", fmt.Sprintf("echo %d %d; exec sleep 1000", i, n+1))
				c.Stdout = lifeline
				d[i].Store(n + 1)
				if err := c.Start(); err != nil {
					failed <- err
					return
				}
				d[i].Store(n + 2)
			}
		}()
	}
	check(<-failed)
	return 1
}

// phases counts where the starts were that a kill interrupted.
type phases struct {
	outside, noProgram, inVector, program int
}

func (p phases) inStart() int { return p.noProgram + p.program }

func (p phases) String() string {
	return fmt.Sprintf("%d starts cut off: %d before the program ran (%d of these seen dead in their vector), %d when it did; %d starters were between two starts",
		p.inStart(), p.noProgram, p.inVector, p.program, p.outside)
}

// killAtAnyMoment kills holders while they start children.
func killAtAnyMoment(t *testing.T, s suite) {
	starts := times(2000, 40)
	var p phases
	for p.inStart() < starts {
		s.killCrowd(t, &p)
		if t.Failed() {
			break
		}
	}
	t.Logf("%v: %v: no survivor", s.Mechanism, p)
}

func (s suite) killCrowd(t *testing.T, p *phases) {
	t.Helper()
	file, err := os.CreateTemp("", "diary")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := os.Remove(file.Name()); err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(int64(unsafe.Sizeof(diary{}))); err != nil {
		t.Fatal(err)
	}
	d, err := openDiary(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()

	line := testproc.NewLifeline(t)
	cmd := testproc.Command(crowdRole, s.name)
	cmd.ExtraFiles = []*os.File{line.End(), file}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var start int // how long one takes here, in microseconds
	if _, err := fmt.Fscan(out, &start); err != nil {
		t.Fatal(err)
	}
	// Chance picks the moment, within the time that all starters need for one start.
	time.Sleep(rand.N(crowdSize * time.Duration(start) * time.Microsecond))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as it should be
	said := string(line.AllGone(t))
	if t.Failed() {
		return
	}
	p.inVector += reapOrphans(t)
	for i := range d {
		n := d[i].Load()
		switch {
		case n%2 == 0:
			p.outside++
		case strings.Contains("\n"+said, fmt.Sprintf("\n%d %d\n", i, n)):
			p.program++
		default:
			p.noProgram++
		}
	}
}

// reapOrphans reaps what the dead holder has left to us: all of it has ended. It
// counts those that never came to their exec, which have the holder's name.
func reapOrphans(t *testing.T) (neverExeced int) {
	t.Helper()
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT|unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return neverExeced // ECHILD: that was all
		}
		pid := pidOf(&info)
		name, err := os.ReadFile(fmt.Sprintf("%s/%d/comm", testproc.Proc(), pid))
		if err == nil && string(name) != "sh\n" && string(name) != "sleep\n" {
			neverExeced++
		}
		if _, err := unix.Wait4(pid, nil, unix.WALL, nil); err != nil {
			t.Fatalf("wait4: %v", err)
		}
	}
}

// pidOf reads si_pid, which stands behind the three numbers that every siginfo has
// (sigaction(2)), aligned like a pointer.
func pidOf(info *unix.Siginfo) int {
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), 16)))
}
