//go:build linux && (amd64 || arm64)

package siginfo

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

const tellRole = "tell"

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]func([]string) int{tellRole: tell})
}

// tell prints what it gets until SIGTERM, of which it dies in the end. It is busy
// meanwhile, so that handlers interrupt Go code of all kinds.
func tell([]string) int {
	signals, err := Catch(syscall.SIGINT, syscall.SIGUSR1, syscall.SIGALRM, syscall.SIGTERM, syscall.Signal(40))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for range 4 {
		go func() {
			for {
				runtime.KeepAlive(strings.Repeat("x", 1<<12))
			}
		}()
	}
	if _, err := unix.Setitimer(unix.ITIMER_REAL, unix.Itimerval{Value: unix.Timeval{Usec: 1}}); err != nil {
		fmt.Println(err)
	}
	for info := range signals {
		fmt.Println(int(info.Signal), info.FromKernel())
		if info.Signal == syscall.SIGTERM {
			break
		}
	}
	if err := Default(syscall.SIGTERM); err != nil {
		fmt.Println(err)
	}
	_ = unix.Kill(os.Getpid(), syscall.SIGTERM)
	time.Sleep(testproc.Patience) // it may be another thread that takes it
	return 1
}

// TestCatch: each signal is told once, with who sent it, in a program whose threads are
// busy and collect garbage.
func TestCatch(t *testing.T) {
	cmd := testproc.Command(tellRole)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q (%v), want %q", lines.Text(), lines.Err(), want)
		}
	}
	expect("14 true") // of the timer, and so of the kernel
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGUSR1, 40} {
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			expect(fmt.Sprint(int(sig)) + " false")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect("15 false")
	_ = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGTERM {
		t.Errorf("%v, want death by SIGTERM", cmd.ProcessState)
	}
}
