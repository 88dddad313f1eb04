//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

const (
	// besiegedRole is a holder all of whose children attack, each in its own way.
	besiegedRole = "besieged"
	// besiegerRole is such a child.
	besiegerRole = "besieger"
)

// A child says one line when its attack is in force: that it is and what came of it, that this
// machine does not let it, or that it went wrong. Then it stays.
const (
	inForce    = "+ "
	impossible = "- "
)

// allDone is what the holder says when it has closed all and seen all end, after the numbers of those
// that it has not.
const allDone = -1

// toolsEnv names a directory with what the attacks need of root.
const toolsEnv = "AUTOKILL_TEST_SIEGE"

// pidsGroupEnv names a cgroup with few pids, where the tests can make one.
const pidsGroupEnv = "AUTOKILL_TEST_PIDS"

// setUserIDShell is in it: a shell with the set-user-ID bit, of somebody.
const setUserIDShell = "sh"

// Losses is what came of one attack.
type Losses struct {
	Attack            string
	Seen              string // what the attack came to
	Rounds, Survivors int
}

// Besiege lets children attack in every way of the table sieges, so many times. Their holder
// ends by SIGKILL and, every other time, by Close. An attack that cannot be made here has no
// rounds.
func Besiege(t *testing.T, subjects Subjects, name string, rounds int) []Losses {
	t.Helper()
	subject, ok := subjects[name]
	if !ok {
		t.Fatalf("there is no subject %q", name)
	}
	s := suite{Subject: subject, name: name}
	tools := siegeTools(t)
	env := []string{toolsEnv + "=" + tools, pidsGroupEnv + "=" + fewPids(t)}
	all := make([]Losses, len(sieges))
	var others []int
	for i, siege := range sieges {
		all[i].Attack = siege.name
		if i > 0 {
			others = append(others, i)
		}
	}
	chosen := append([]int{0}, testproc.Part(others)...)
	for n := range rounds {
		s.besiege(t, env, n%2 == 0, chosen, all)
		cores, _ := filepath.Glob(filepath.Join(tools, "core*"))
		for _, core := range cores {
			_ = os.Remove(core)
		}
	}
	return all
}

// siegeTools makes that directory.
func siegeTools(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "autokilltest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 || !hasUser(somebody) {
		return dir
	}
	program, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	shell := filepath.Join(dir, setUserIDShell)
	for _, err := range []error{
		os.WriteFile(shell, program, 0o755),
		os.Chown(shell, somebody, somebody),
		os.Chmod(shell, 0o755|os.ModeSetuid),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fewPids makes the group, or none.
func fewPids(t *testing.T) string {
	t.Helper()
	dir, _ := newCgroup(t, "pids")
	if dir == "" {
		return ""
	}
	if err := os.WriteFile(filepath.Join(dir, "pids.max"), []byte("64"), 0); err != nil {
		t.Fatal(err)
	}
	return dir
}

// besiege is one round of the chosen attacks at once, on one holder.
func (s suite) besiege(t *testing.T, env []string, killed bool, chosen []int, all []Losses) {
	t.Helper()
	holder := testproc.Command(besiegedRole, s.name)
	holder.Env = append(holder.Env, env...)
	lines := map[int]*testproc.Lifeline{}
	for _, i := range chosen {
		lines[i] = testproc.NewLifeline(t)
		holder.Args = append(holder.Args, strconv.Itoa(i))
		holder.ExtraFiles = append(holder.ExtraFiles, lines[i].End())
	}
	stdin, stdout := startPiped(t, holder)
	var lasting, pids []int // who does not end by itself, by number
	for _, i := range chosen {
		line := lines[i]
		var pid int
		deadline(t, stdout)
		if _, err := fmt.Fscan(stdout, &pid); err != nil {
			t.Fatalf("the holder: %v", err)
		}
		line.Cut()
		all[i].hear(t, line, sieges[i].saysReady)
		if !sieges[i].ends {
			lasting, pids = append(lasting, i), append(pids, pid)
		}
		if i == 0 { // the victim of the others, which may be stopped from now on
			if _, err := io.WriteString(stdin, "x"); err != nil {
				t.Fatal(err)
			}
		}
	}
	children := testproc.Watch(t, pids)
	living := children.Living(t, 0)
	for n, i := range lasting {
		if !slices.Contains(living, n) {
			t.Errorf("%s: the child has ended by itself", sieges[i].name)
		}
	}
	survivors := map[int]bool{}
	if killed {
		if err := holder.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	} else {
		if _, err := io.WriteString(stdin, "x"); err != nil {
			t.Fatal(err)
		}
		for _, i := range untold(t, stdout) {
			survivors[i] = true
		}
	}
	for _, n := range children.Living(t, patience) {
		survivors[lasting[n]] = true
		children.Kill(n)
	}
	for i, line := range lines {
		line.Deadline(t, time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, line); err != nil {
			survivors[i] = true // somebody of its kin
		}
	}
	for i := range survivors {
		all[i].Survivors++
	}
	testproc.ReapAll()
}

// untold are the attacks of those whose end the holder has not been told, though it has closed all.
func untold(t *testing.T, holder *os.File) (attacks []int) {
	t.Helper()
	for {
		deadline(t, holder)
		var attack int
		if _, err := fmt.Fscan(holder, &attack); err != nil {
			t.Fatalf("the holder: %v", err)
		}
		if attack == allDone {
			return attacks
		}
		attacks = append(attacks, attack)
	}
}

// hear waits for the line that a child says.
func (l *Losses) hear(t *testing.T, line *testproc.Lifeline, anyWord bool) {
	t.Helper()
	line.Deadline(t, time.Now().Add(patience))
	said, err := bufio.NewReader(line).ReadString('\n')
	seen, isInForce := strings.CutPrefix(said, inForce)
	why, isImpossible := strings.CutPrefix(said, impossible)
	switch {
	case err != nil:
		t.Errorf("%s: it said %q, %v", l.Attack, said, err)
	case isInForce, anyWord:
		l.Rounds++
		if isInForce {
			l.Seen = strings.TrimSpace(seen)
		}
	case isImpossible:
		l.Seen = "not here: " + strings.TrimSpace(why)
	default:
		t.Errorf("%s: it said %q", l.Attack, said)
	}
}

// startPiped starts a helper and sees to its end.
func startPiped(t *testing.T, cmd *exec.Cmd) (stdin io.Writer, stdout *os.File) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = theirs
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		stdout.Close()
	})
	return stdin, stdout
}

// beBesieged is the role of the holder, which is told the numbers of the attacks. The pid of the
// first child, which does nothing, is told to the others.
func beBesieged(subjects Subjects, args []string) int {
	var all []*autokill.Process
	victim := 0
	for n, attack := range args[1:] {
		c := subjects[args[0]].Command(testproc.Exe, args[0], attack, strconv.Itoa(victim))
		c.Env = testproc.RoleEnv(besiegerRole)
		lifeline := os.NewFile(uintptr(3+n), "lifeline")
		c.Stdout = lifeline
		check(c.Start())
		lifeline.Close()
		all = append(all, c.Process)
		victim = all[0].Pid
		fmt.Println(c.Process.Pid)
		if n == 0 && !goOn() {
			return 1
		}
	}
	if !goOn() {
		return 1
	}
	for _, p := range all {
		p.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience/2)
	defer cancel()
	for n, p := range all {
		if _, err := p.WaitContext(ctx); err != nil {
			fmt.Println(args[1+n])
		}
	}
	fmt.Println(allDone)
	goOn()
	return 0
}

// goOn waits for a byte of the test, or for the end of it.
func goOn() bool {
	_, err := os.Stdin.Read(make([]byte, 1))
	return err == nil
}

// beginSiege is the role of the child.
func beginSiege(subjects Subjects, args []string) int {
	number, err := strconv.Atoi(args[1])
	if err != nil {
		return 1
	}
	victim, err := strconv.Atoi(args[2])
	if err != nil {
		return 1
	}
	attack := sieges[number]
	seen, err := attack.play(besieger{subjects[args[0]], victim})
	if err != nil {
		fmt.Println("it went wrong:", err)
		return 1
	}
	fmt.Println(inForce + seen)
	sit()
	return 0
}

// sit stays. It needs no descriptor, as Go's sleep does, and is no deadlock to Go.
func sit() {
	for {
		_, _ = unix.Poll(nil, -1)
	}
}
