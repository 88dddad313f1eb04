//go:build linux

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

// container starts autokill as the init of a PID namespace.
type container struct {
	name string
	// run is a start of it, with descriptor 3 or at a terminal.
	run func(t *testing.T, terminal bool, args ...string) *exec.Cmd

	interrupted bool // who starts it may die of what a terminal sends
	noPIDNS     bool // it denies namespaces
}

// containers are the namespaces of the test itself, and those of bubblewrap and of runc or
// crun where these are installed.
func containers() []container {
	own := func(_ *testing.T, _ bool, args ...string) *exec.Cmd {
		cmd := exec.Command("autokill", args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
		if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
			cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		}
		return cmd
	}
	bubblewrap := func(t *testing.T, _ bool, args ...string) *exec.Cmd {
		if _, err := exec.LookPath("bwrap"); err != nil {
			t.Skip("bwrap is not installed")
		}
		before := []string{"--unshare-pid", "--as-pid-1", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "autokill"}
		return exec.Command("bwrap", append(before, args...)...)
	}
	runtime := func(t *testing.T, terminal bool, args ...string) *exec.Cmd {
		if os.Geteuid() != 0 {
			t.Skip("needs root")
		}
		c := testproc.Container{Args: append([]string{"autokill"}, args...), Env: []string{"PATH=/usr/bin:/bin"}, Inherits: 1}
		if c.Terminal = terminal; terminal {
			c.Inherits = 0
		}
		return c.Command(t)
	}
	return []container{
		{name: "own namespace", run: own},
		{name: "bubblewrap", run: bubblewrap, interrupted: true},
		{name: "OCI runtime", run: runtime, noPIDNS: true},
	}
}

// inContainers runs a test for every container and scope.
func inContainers(t *testing.T, test func(t *testing.T, c container, scope string)) {
	t.Helper()
	needs(t, "sh", "sleep")
	for _, c := range containers() {
		for _, scope := range []string{"process", "tree", "pidns"} {
			t.Run(c.name+"/"+scope, func(t *testing.T) {
				if c.noPIDNS && scope == "pidns" {
					refusesPIDNS(t, c)
					return
				}
				test(t, c, scope)
			})
		}
	}
}

func refusesPIDNS(t *testing.T, c container) {
	t.Helper()
	line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
	cmd := c.run(t, false, "run", "--scope", "pidns", "sh", "-c", lasting)
	launch(t, line, stderr, cmd)
	_ = cmd.Wait()
	if said := string(stderr.AllGone(t)); cmd.ProcessState.ExitCode() != statusFailed || !strings.Contains(said, "namespaces") {
		t.Errorf("%v, %q; want a refusal", cmd.ProcessState, said)
	}
	if said := line.AllGone(t); len(said) > 0 {
		t.Errorf("the command says %q", said)
	}
}

// initOf is the init of a container that a starter has started: the starter itself, or
// what has pid 1 below it.
func initOf(t *testing.T, starter int) (init testproc.Stat) {
	t.Helper()
	eventually(t, "init", func() bool {
		below := append([]testproc.Stat{{PID: starter}}, testproc.Children(starter)...)
		for _, s := range below {
			if pid, err := innerPid(s.PID); err == nil && pid == 1 {
				init = s
				return true
			}
		}
		return false
	})
	return init
}

// innerPid is the pid that a process has in its own namespace.
func innerPid(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, numbers, _ := strings.Cut(string(status), "\nNSpid:")
	numbers, _, _ = strings.Cut(numbers, "\n")
	fields := strings.Fields(numbers)
	return strconv.Atoi(fields[len(fields)-1])
}

// TestInitReapsOrphans: what loses its parent in a container comes to the init, which
// must not leave it as a zombie.
func TestInitReapsOrphans(t *testing.T) {
	orphans := 1000
	if testing.Short() {
		orphans = 25
	}
	inContainers(t, func(t *testing.T, c container, scope string) {
		line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
		script := "i=0; while [ $i -lt " + strconv.Itoa(orphans) + " ]; do (sleep 0 &); i=$((i+1)); done; echo ready >&3; read end; exit 4"
		cmd := c.run(t, false, "run", "--scope", scope, "sh", "-c", script)
		end, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		launch(t, line, stderr, cmd)
		read(t, line, "ready\n")
		init := initOf(t, cmd.Process.Pid)
		eventually(t, "reaper", func() bool {
			for _, child := range testproc.Children(init.PID) {
				if child.State == "Z" {
					return false
				}
			}
			return true
		})
		end.Close()
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != 4 {
			t.Errorf("%v, want exit status 4", cmd.ProcessState)
		}
		line.AllGone(t)
		stderr.AllGone(t)
	})
}

// TestInitPassesSignals: a process that is pid 1 is not ended by a signal that it does
// not catch. The command gets it all the same: one that traps it, and one that does not.
func TestInitPassesSignals(t *testing.T) {
	for script, want := range map[string]int{
		"trap 'exit 7' TERM; echo ready >&3; while :; do sleep 0.01; done": 7,
		lasting: 143,
	} {
		inContainers(t, func(t *testing.T, c container, scope string) {
			line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
			cmd := c.run(t, false, "run", "--scope", scope, "sh", "-c", script)
			launch(t, line, stderr, cmd)
			read(t, line, "ready\n")
			if err := unix.Kill(initOf(t, cmd.Process.Pid).PID, unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != want {
				t.Errorf("%v, want exit status %d", cmd.ProcessState, want)
			}
			line.AllGone(t)
			stderr.AllGone(t)
		})
	}
}

// TestInitEndsAll: when the command ends, whatever it has left ends with the container.
// The status is the command's, also for death by SIGINT, of which an init cannot die.
func TestInitEndsAll(t *testing.T) {
	for script, want := range map[string]int{
		"setsid sleep 1000 & sleep 1000 & exit 6":                         6,
		"(setsid sh -c 'trap \"\" TERM HUP; sleep 1000' &); kill -INT $$": 130,
		"sleep 1000 & kill -KILL $$":                                      137,
	} {
		inContainers(t, func(t *testing.T, c container, scope string) {
			line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
			cmd := c.run(t, false, "run", "--scope", scope, "sh", "-c", script)
			launch(t, line, stderr, cmd)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != want {
				t.Errorf("%v, want exit status %d", cmd.ProcessState, want)
			}
			line.AllGone(t)
			stderr.AllGone(t)
		})
	}
}

// TestInitAtTerminal: Ctrl-C in a container with a terminal (docker run -it).
func TestInitAtTerminal(t *testing.T) {
	inContainers(t, func(t *testing.T, c container, scope string) {
		console := testproc.NewConsole(t)
		cmd := c.run(t, true, "run", "--scope", scope, "sh", "-c", "echo ready; exec sleep 1000")
		console.StartCmd(t, cmd)
		console.Expect(t, "ready")
		console.Write(t, testproc.CtrlC)
		_ = cmd.Wait()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		interrupted := c.interrupted && status.Signal() == syscall.SIGINT
		if status.ExitStatus() != 130 && !interrupted {
			t.Errorf("%v, want exit status 130", cmd.ProcessState)
		}
	})
}
