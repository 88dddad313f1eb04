//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// spiedOn is a child that wants to get hold of the pipe ends of its siblings, in the moment in
// which they exist in a sibling that is just being started, and in the holder, whose descriptor
// table that one shares. In a PID namespace it sees none, native has none. On tripwire that is a known limit (SECURITY.md): who may trace a process
// can do with it what it likes, and here are the numbers.
func (s suite) spiedOn(t *testing.T, spy string) {
	starts := times(200, 10)
	h := s.startHolder(t, "spied on", spy)
	h.ready(t)
	h.tell(t)
	h.tellWord(t, strconv.Itoa(starts))
	h.expect(t, "done")
	h.kill()
	if err := h.hear.SetReadDeadline(time.Now().Add(patience / 3)); err != nil {
		t.Fatal(err)
	}
	caught, err := io.ReadAll(h.hear)
	survivors := 0
	if err != nil {
		survivors = killOrphans("sleep")
	}
	t.Logf("%d ends of pipes caught in %d starts: %d survivors", len(caught), starts, survivors)
	limit := s.Mechanism == autokill.Tripwire && s.Scope != autokill.ScopePIDNamespace
	// Native makes no such pipes; what is caught there are others of the holder, which a child has
	// until its vector comes to close_range.
	// It takes an end of both pipes: one that is switched off and kept keeps its pipe silent.
	if !limit && err != nil || survivors*2 > len(caught) {
		t.Errorf("more than the limit allows: %v", err)
	}
}

// killOrphans ends those who have come to us, and counts them.
func killOrphans(name string) (n int) {
	for _, orphan := range testproc.Children(os.Getpid()) {
		if orphan.Name == name && orphan.State != "Z" {
			_ = unix.Kill(orphan.PID, unix.SIGKILL)
			n++
		}
	}
	return n
}

// spiedHolder starts as many siblings of the spy as it is told. All have one lifeline.
func spiedHolder(h *holder) int {
	count, err := strconv.Atoi(strings.TrimSpace(h.line()))
	check(err)
	out, err := os.OpenFile(fmt.Sprintf("%s/%d/fd/1", testproc.Proc(), h.process.Pid), os.O_WRONLY, 0)
	check(err)
	for range count {
		c := h.subject.Command("/bin/sleep", "1000")
		c.Stdout = out
		// A start that sees its pipe disarmed is refused.
		if err := c.Start(); !errors.Is(err, errors.ErrUnsupported) {
			check(err)
		}
	}
	out.Close()
	h.say("done")
	h.await()
	return 0
}

// spy waits for the processes that come next, and disarms and keeps the pipe ends that it
// finds there, if it is a sibling: other tests are none. It says so of each. A socket it leaves alone: that would be a reference (L3).
func spy() error {
	fmt.Println("ready")
	const threads = 32 // of others, which have numbers, too
	kept := 0
	for next := os.Getpid() + 1; ; {
		for pid := next; pid < next+threads; pid++ {
			pidfd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				continue
			}
			next = pid + 1
			sibling, err := testproc.ReadProcess(pid)
			for fd := 3; err == nil && sibling.PPID == os.Getppid() && fd < 64 && kept < 500; fd++ {
				if disarmPipe(pidfd, fd, 0) {
					kept++
					fmt.Print(".")
				}
			}
			_ = unix.Close(pidfd)
			break
		}
	}
}

// spyOnHolder does that in the holder, whose number it need not guess, without pause. What is
// not armed it leaves alone: the holder has pipes of its own.
func spyOnHolder() error {
	fmt.Println("ready")
	holder, err := unix.PidfdOpen(os.Getppid(), 0)
	if err != nil {
		return err // its number is 0 in a PID namespace
	}
	for kept := 0; ; {
		for fd := 3; fd < 24 && kept < 500; fd++ {
			if disarmPipe(holder, fd, unix.O_ASYNC) {
				kept++
				fmt.Print(".")
			}
		}
	}
}

// disarmPipe takes a descriptor of a process and keeps it, if it is a pipe end with these flags.
func disarmPipe(pidfd, fd, with int) bool {
	end, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return false
	}
	var st unix.Stat_t
	flags, err := unix.FcntlInt(uintptr(end), unix.F_GETFL, 0)
	if err != nil || flags&with != with || unix.Fstat(end, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		_ = unix.Close(end)
		return false
	}
	_, _ = unix.FcntlInt(uintptr(end), unix.F_SETFL, flags&^unix.O_ASYNC)
	return true
}
