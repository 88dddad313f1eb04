//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

const hostileRole = "hostile"

// hostile is a child that does all it can against the bond. Most manners end in
// cat, so that the test can talk to whatever has become of the child; the others
// say "ready" and stay.
func hostile(args []string) int {
	attack := attacks[args[0]]
	if attack == nil {
		fmt.Fprintf(os.Stderr, "hostile: cannot %q\n", args)
		return 1
	}
	if err := attack(); err != nil {
		fmt.Fprintf(os.Stderr, "hostile: %s: %v\n", args[0], err)
		return 1
	}
	becomeCat()
	return 1
}

func becomeCat() {
	path := "/bin/cat"
	fmt.Fprintln(os.Stderr, "hostile: exec:", unix.Exec(path, []string{"cat"}, nil))
}

var attacks = map[string]func() error{
	"setsid": func() error {
		_, err := unix.Setsid()
		return err
	},
	"setpgid": func() error { return unix.Setpgid(0, 0) },
	"setuid": func() error {
		if err := unix.Setgroups(nil); err != nil {
			return err
		}
		return syscall.Setuid(65534)
	},
	"setresuid": func() error {
		err := syscall.Setresuid(65533, 65533, 65533)
		if err != nil {
			fmt.Fprintln(os.Stderr, "hostile: as it should be: setresuid:", err)
		}
		return nil
	},
	"capset": func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		return unix.Capset(&header, &none[0])
	},
	"closeall": func() error { return unix.CloseRange(3, 1<<31, 0) },
	"ignore": func() error {
		// Both survive the exec.
		for sig := 1; sig <= 64; sig++ {
			signal.Ignore(syscall.Signal(sig))
		}
		runtime.LockOSThread()
		return unix.PthreadSigmask(unix.SIG_SETMASK, everySignal(), nil)
	},
	"execthread": func() error {
		done := make(chan struct{})
		runtime.LockOSThread() // this thread is taken, so the exec is another's
		go func() {
			runtime.LockOSThread()
			becomeCat()
			close(done)
		}()
		<-done
		return nil
	},
	"reopen": reopen,
	"undumpable": func() error {
		return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	},
	"pdeathsig": func() error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) },
	"stop": func() error {
		fmt.Println("ready")
		if err := unix.Kill(os.Getpid(), unix.SIGSTOP); err != nil {
			return err
		}
		// Another thread may take the signal, so that this one goes on for a moment. An
		// exec now would cancel the stop (kernel/signal.c, zap_other_threads).
		_, err := os.Stdin.Read(make([]byte, 1))
		return err
	},
	"leader":      endLeader,
	"traceme":     traceMe,
	"tracethread": traceThread,
	"spy":         spy,

	"spy on the holder": spyOnHolder,
	"execloop":          execLoop,
	"leave": func() error {
		c := exec.Command("/bin/cat")
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			return err
		}
		os.Exit(0)
		return nil
	},
}

// reopen opens everything in /proc of the parent, in every way there is, and keeps
// what it gets through the exec.
func reopen() error {
	names, err := filepath.Glob(fmt.Sprintf("%s/%d/task/*/fd/*", testproc.Proc(), os.Getppid()))
	if err != nil {
		return err
	}
	for _, name := range names {
		for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR, unix.O_PATH} {
			// Without close-on-exec, and without waiting for the other end of a pipe.
			_, _ = unix.Open(name, flags|unix.O_NONBLOCK, 0)
		}
	}
	return nil
}

// endLeader ends the thread that has the pid of the process. The others go on.
func endLeader() error {
	// It is not started before: it could be what keeps the first thread busy.
	watch := func() {
		stat := fmt.Sprintf("%s/self/task/%d/stat", testproc.Proc(), os.Getpid())
		for {
			leader, err := testproc.ReadStat(stat)
			if err != nil {
				fmt.Fprintln(os.Stderr, "hostile:", err)
				os.Exit(1)
			}
			if leader.State == "Z" {
				fmt.Println("ready")
				select {}
			}
			runtime.Gosched()
		}
	}

	// The scheduler says nothing about which goroutine is on the first thread: each
	// that is not keeps its own, until one is left with that.
	tried := make(chan struct{})
	for range 100 {
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() == os.Getpid() {
				go watch()
				// Not the raw call: the scheduler takes away from a thread in a system
				// call what it had, also if it never comes back.
				_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
			}
			tried <- struct{}{}
			select {}
		}()
		<-tried // never, when the first thread has ended
	}
	return fmt.Errorf("the first thread was never free")
}

// traceMe makes the parent the tracer, which knows nothing of it: the next signal, one of
// Go's or that of the exec, stops the child for ever.
func traceMe() error {
	runtime.LockOSThread()
	fmt.Println("ready")
	if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	becomeCat()
	return fmt.Errorf("the exec has failed")
}

// traceThread has a thread traced by the parent, which is stopped then. Dead it is a zombie that only the
// tracer can collect. An exec would wait for that.
func traceThread() error {
	traced := make(chan error)
	offLeader(func() {
		// Any signal stops it from here on, and one of Go's could come before it has said so.
		check(unix.PthreadSigmask(unix.SIG_SETMASK, everySignal(), nil))
		_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0, 0, 0)
		traced <- errnoOf(errno)
		check(unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGURG))
		check(unix.PthreadSigmask(unix.SIG_SETMASK, new(unix.Sigset_t), nil))
	})
	if err := <-traced; err != nil {
		return err
	}
	fmt.Println("ready")
	select {}
}

func everySignal() *unix.Sigset_t {
	all := new(unix.Sigset_t)
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	return all
}

// offLeader runs f on a thread of its own that is not the leader, which does not end before the process. The
// thread ends with f unless that unlocks it.
func offLeader(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != os.Getpid() {
			f()
			return
		}
		// While this one is taken, the next goroutine is on another.
		defer runtime.UnlockOSThread()
		taken := make(chan struct{})
		offLeader(func() {
			close(taken)
			f()
		})
		<-taken
	}()
}

// execLoop execs itself for ever from threads that are not the leader. Each exec
// makes the thread that does it the new leader, and releases the old one.
func execLoop() error {
	fmt.Println("again")
	runtime.LockOSThread() // this thread, the leader, is taken
	go func() {
		runtime.LockOSThread()
		err := unix.Exec(testproc.Exe, []string{testproc.Exe, "execloop"}, testproc.RoleEnv(hostileRole))
		fmt.Fprintln(os.Stderr, "hostile: exec:", err)
		os.Exit(1)
	}()
	select {}
}

// attacker is a command that attacks and then answers like an echo.
func attacker(command func(string, ...string) *autokill.Cmd, attack string) *autokill.Cmd {
	c := command(testproc.Exe, attack)
	c.Env = testproc.RoleEnv(hostileRole)
	return c
}

// besiege is the manner of a holder that starts many children that attack by
// reopen, as many as it is told each time, and says how many survived.
func besiege(h *holder) int {
	for {
		rounds, err := strconv.Atoi(strings.TrimSpace(h.line()))
		check(err)
		survivors := 0
		for range rounds {
			if !reopenOnce(h) {
				survivors++
			}
		}
		h.say(fmt.Sprintf("%d survivors", survivors))
	}
}

// reopenOnce lets go of one such child as a crash would.
func reopenOnce(h *holder) (died bool) {
	inR, inW, err := os.Pipe()
	check(err)
	outR, outW, err := os.Pipe()
	check(err)
	defer inW.Close()
	defer outR.Close()
	c := attacker(h.subject.Command, "reopen")
	c.Stdin, c.Stdout, c.Stderr = inR, outW, os.Stderr
	before := testproc.OpenDescriptors()
	check(c.Start())
	inR.Close()
	outW.Close()
	handle := newHandle(before)
	// It answers when it has opened all that it can.
	_, err = inW.WriteString("x")
	check(err)
	_, err = outR.Read(make([]byte, 1))
	check(err)
	drop(handle)
	died = gone(outR)
	if !died {
		check(c.Process.Kill())
	}
	_, err = c.Process.Wait()
	check(err)
	return died
}
