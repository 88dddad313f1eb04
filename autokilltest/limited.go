//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/testproc"
)

// limited is what was seen of an operation at a limit.
type limited struct {
	operation     string
	limit         limit
	refused, well int
}

// everyLimit has each operation fail at each descriptor that it opens, and do without what
// it does not need, or say what it has not got.
func everyLimit(t *testing.T, s suite) {
	until := time.Now().Add(s.budget(200*time.Millisecond, 2*time.Second))
	program := s.supervise(t, nil)
	limits := []limit{queuedSignals}
	if os.Geteuid() != 0 {
		limits = append(limits, userTasks)
		if hard := pipePagesOf(t, "hard"); hard > 0 && hard <= pipePagesOf(t, "soft") {
			t.Logf("without %s: pipe-user-pages-hard is %d, and no higher", pipePages, hard)
		} else {
			limits = append(limits, pipePages)
		}
	}
	group := joinPidsGroup(t, program)
	if group != "" {
		limits = append(limits, groupTasks)
	}
	poor := s.withFewPipes(t)
	var rows [][]string
	for _, operation := range testproc.Part(some(s.operations(), 3)) {
		program.well(t, operation)
		var all []limited
		for _, l := range limits {
			of := limited{operation: operation, limit: l}
			of.try(t, program, order{Group: group})
			all = append(all, of)
		}
		if poor != nil {
			poor.well(t, operation)
			of := limited{operation: operation, limit: hardPipePages}
			of.try(t, poor, order{})
			all = append(all, of)
		}
		all = append(all, tryDescriptors(t, program, operation, until))
		for _, of := range all {
			of.judge(t, s)
			rows = append(rows, []string{s.name, operation, string(of.limit), strconv.Itoa(of.refused), strconv.Itoa(of.well)})
		}
	}
	evidence.Table(t, "limits reached", []string{"subject", "operation", "limit", "named error", "goes on, bound"}, rows)
	program.end(t)
	if poor != nil {
		poor.end(t)
	}
}

// try has a program do the operation at the limit.
func (l *limited) try(t *testing.T, program *supervised, do order) (works bool) {
	t.Helper()
	do.Operation, do.Limit = l.operation, l.limit
	o, ok := program.do(t, do)
	switch {
	case !ok:
		t.Fatalf("%s, %s of %d: the program has ended, or hangs", do.Operation, do.Limit, do.Value)
	case o.Broken != "" || len(o.Left) > 0:
		t.Fatalf("%s, %s of %d: %s, left behind: %q (the operation: %q)", do.Operation, do.Limit, do.Value, o.Broken, o.Left, o.Err)
	case o.Err != "" && !o.Named:
		t.Errorf("%s, %s of %d: the error does not name the cause: %q", do.Operation, do.Limit, do.Value, o.Err)
	}
	if o.Err != "" {
		l.refused++
	} else {
		l.well++
	}
	return o.Err == ""
}

// tryDescriptors goes from what the program has open already to more than it needs.
func tryDescriptors(t *testing.T, program *supervised, operation string, until time.Time) limited {
	t.Helper()
	of := limited{operation: operation, limit: descriptors}
	const first, enough = 3, 64
	if time.Now().After(until) {
		of.try(t, program, order{Value: first + rand.Uint64N(enough-first)})
		return of
	}
	inARow := 0
	for n := uint64(first); n <= enough && inARow < 3; n++ {
		if of.try(t, program, order{Value: n}) {
			inARow++
		} else {
			inARow = 0
		}
	}
	// All processes of a user share what is in flight, so the last one may be refused.
	if operation == "Start" && of.refused == 0 {
		t.Errorf("a start needs no descriptors")
	}
	return of
}

// judge says what an operation must do without, and that what it must not was really missing.
func (l *limited) judge(t *testing.T, s suite) {
	t.Helper()
	switch l.limit {
	case queuedSignals, pipePages:
		if l.refused > 0 {
			t.Errorf("%s needs %s", l.operation, l.limit)
		}
	case userTasks, groupTasks:
		if l.operation == "Start" && l.well > 0 {
			t.Errorf("a start makes no process, by %s", l.limit)
		}
	case hardPipePages:
		if l.operation == "Start" && l.well > 0 && s.Mechanism == autokill.Tripwire {
			t.Errorf("a start makes no pipe, by %s", l.limit)
		}
	}
}

// joinPidsGroup moves the program to a cgroup of its own, where one can be made.
func joinPidsGroup(t *testing.T, program *supervised) (group string) {
	t.Helper()
	group, _ = newCgroup(t, "pids")
	if group == "" {
		t.Logf("without %s: %s", groupTasks, needsCgroup("pids"))
		return ""
	}
	pid := strconv.Itoa(program.cmd.Process.Pid)
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(pid), 0); err != nil {
		t.Fatal(err)
	}
	return group
}

// fewPipes is a user of whom nobody else is, as all of a user's processes share the limit.
const fewPipes = 64_321

// pipePagesOf reads how many pages the pipes of a user may have; 0 is any number.
func pipePagesOf(t *testing.T, kind string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testproc.Proc(), "sys/fs/pipe-user-pages-"+kind))
	if err != nil {
		t.Logf("pipe-user-pages-%s is taken for 0: %v", kind, err)
		return 0
	}
	pages, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// withFewPipes is a program of that user, where there is a limit on the pages of its pipes that
// is no higher than the soft one. Others have more than that only if they want to.
func (s suite) withFewPipes(t *testing.T) *supervised {
	t.Helper()
	sysctl := filepath.Join(testproc.Proc(), "sys/fs/pipe-user-pages-")
	before, err := os.ReadFile(sysctl + "hard")
	if err == nil {
		var soft []byte
		if soft, err = os.ReadFile(sysctl + "soft"); err == nil {
			err = os.WriteFile(sysctl+"hard", soft, 0)
		}
	}
	if err != nil || os.Geteuid() != 0 || !hasUser(fewPipes) {
		t.Logf("without %s: needs root, and /proc/sys that may be written to (%v)", hardPipePages, err)
		return nil
	}
	t.Cleanup(func() {
		if err := os.WriteFile(sysctl+"hard", []byte(strings.TrimSpace(string(before))), 0); err != nil {
			t.Error(err)
		}
	})
	return s.supervise(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: fewPipes, Gid: fewPipes}})
}
