package kernels

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/autokill/autokill/internal/kernels/guest"
)

const panicLine = "[    1.2] Kernel panic - not syncing: Attempted to kill the idle task!\n"

// port is what a machine with the two jobs below writes: events of init, and
// what a test binary writes under -test.v=test2json.
func port(events ...guest.Event) string {
	var text strings.Builder
	for _, e := range events {
		text.Write(e.Line())
	}
	return text.String()
}

func started(job int) guest.Event { return guest.Event{Kind: guest.Start, Job: job} }

func wrote(job int, text string) guest.Event {
	return guest.Event{Kind: guest.Output, Job: job, Text: strings.ReplaceAll(text, "^", "\x16")}
}

func ended(job int, exit string, survivors ...string) guest.Event {
	return guest.Event{Kind: guest.End, Job: job, Exit: exit, Elapsed: 1500 * time.Millisecond, Survivors: survivors}
}

var (
	booted = guest.Event{Kind: guest.Boot, Text: "7.3.4"}
	bye    = guest.Event{Kind: guest.Bye}

	twoJobs = []guest.Job{{Package: "p", User: "root"}, {Package: "p", User: "user", UID: 1000}}

	passing = "^=== RUN   TestContract\n^=== RUN   TestContract/native\n^--- PASS: TestContract/native (0.01s)\n^=== NAME  TestContract\n" +
		"^=== RUN   TestContract/tripwire\n^--- PASS: TestContract/tripwire (0.01s)\n^=== NAME  TestContract\n^--- PASS: TestContract (0.02s)\n" +
		"^=== NAME  \n^PASS\n"
	skipping = "^=== RUN   TestContract\n^=== RUN   TestContract/native\n    a_test.go:3: needs Linux 7.1\n^--- SKIP: TestContract/native (0.00s)\n" +
		"^=== NAME  TestContract\n^=== RUN   TestContract/tripwire\n^--- PASS: TestContract/tripwire (0.01s)\n^=== NAME  TestContract\n^--- PASS: TestContract (0.02s)\n" +
		"^=== NAME  \n^PASS\n"
	failing = "^=== RUN   TestContract\n^=== RUN   TestContract/native\n    a_test.go:9: got 1, want 2\n^--- FAIL: TestContract/native (0.01s)\n" +
		"^=== NAME  TestContract\n^--- FAIL: TestContract (0.02s)\n^=== NAME  \n^FAIL\n"
)

// TestTranscripts follows whole boots from what came over the two serial ports
// to what is printed.
func TestTranscripts(t *testing.T) {
	tests := []struct {
		name     string
		port     string
		console  string
		hung     bool
		fate     Fate
		good     bool
		says     []string // lines, with blanks of any width
		saysNone string
	}{
		{
			name: "ok",
			port: port(booted, started(0), wrote(0, passing), ended(0, ""), started(1), wrote(1, skipping), ended(1, ""), bye),
			fate: Ended, good: true,
			says: []string{
				"kernel arch user mechanisms run skipped failed seconds",
				"7.3.4-1 amd64 root native tripwire 2 0 0 1.5",
				"7.3.4-1 amd64 user tripwire 1 1 0 1.5",
				"1 needs Linux 7.1 (7.3 amd64 user)",
			},
			saysNone: "FAIL",
		},
		{
			name: "a test fails",
			port: port(booted, started(0), wrote(0, failing), ended(0, "exit status 1"), started(1), wrote(1, passing), ended(1, ""), bye),
			fate: Ended,
			says: []string{
				"7.3.4-1 amd64 root native 1 0 1 1.5 FAIL",
				"FAIL 7.3 amd64 root: p: exit status 1",
				"FAIL 7.3 amd64 root: p TestContract/native",
				"a_test.go:9: got 1, want 2",
				"7.3.4-1 amd64 user native tripwire 2 0 0 1.5",
			},
		},
		{
			name: "the tests pass and the binary fails",
			port: port(booted, started(0), wrote(0, passing+"leaked a descriptor\n"), ended(0, "exit status 1"), started(1), wrote(1, passing), ended(1, ""), bye),
			fate: Ended,
			says: []string{"FAIL 7.3 amd64 root: p: exit status 1", "leaked a descriptor"},
		},
		{
			name: "somebody outlives a job",
			port: port(booted, started(0), wrote(0, passing), ended(0, "", "sleep 1000 (pid 9, parent 1, state S)"), started(1), wrote(1, passing), ended(1, ""), bye),
			fate: Ended,
			says: []string{
				"7.3.4-1 amd64 root native tripwire 2 0 0 1.5 FAIL",
				"FAIL 7.3 amd64 root: p: outlived by sleep 1000 (pid 9, parent 1, state S)",
			},
		},
		{
			name: "no test ran",
			port: port(booted, started(0), wrote(0, "testing: warning: no tests to run\n^PASS\n"), ended(0, ""), started(1), wrote(1, passing), ended(1, ""), bye),
			fate: Ended,
			says: []string{"FAIL 7.3 amd64 root: no test ran"},
		},
		{
			name: "only skipped",
			port: port(booted, started(0), wrote(0, "^=== RUN   TestContract\n^--- SKIP: TestContract (0.00s)\n^PASS\n"), ended(0, ""), started(1), wrote(1, passing), ended(1, ""), bye),
			fate: Ended,
			says: []string{"FAIL 7.3 amd64 root: no test ran", "1 no reason given (7.3 amd64 root)"},
		},
		{
			name:    "a panic before init",
			console: "[    0.3] smp: Bringing up secondary CPUs ...\n" + panicLine,
			fate:    PanicBeforeInit,
			says:    []string{"FAIL 7.3 amd64: the kernel panicked before init ran", "[ 1.2] Kernel panic - not syncing: Attempted to kill the idle task!"},
		},
		{
			name:    "a panic under the tests",
			port:    port(booted, started(0), wrote(0, "^=== RUN   TestContract\n")),
			console: panicLine,
			fate:    Panic,
			says: []string{
				"FAIL 7.3 amd64 root: p: did not end: the kernel panicked",
				"FAIL 7.3 amd64 root: p TestContract did not end",
				"FAIL 7.3 amd64 user: p: did not end: the kernel panicked",
				"FAIL 7.3 amd64: the kernel panicked",
			},
		},
		{
			name: "a hang",
			port: port(booted, started(0), wrote(0, passing), ended(0, ""), started(1)),
			hung: true, console: "[   60.1] rcu: INFO: rcu_preempt detected stalls\n",
			fate: Hang,
			says: []string{
				"FAIL 7.3 amd64 user: p: did not end: the machine hung",
				"FAIL 7.3 amd64: the machine hung",
				"[ 60.1] rcu: INFO: rcu_preempt detected stalls",
			},
		},
		{
			name: "a hang before init",
			hung: true,
			fate: HangBeforeInit,
			says: []string{"FAIL 7.3 amd64: the machine hung before init ran", "(nothing)"},
		},
		{
			name: "init gives up",
			port: port(booted, guest.Event{Kind: guest.Fault, Text: "open /jobs.json: no such file or directory"}),
			fate: Stopped,
			says: []string{"FAIL 7.3 amd64: the machine stopped before all jobs had ended", "init: open /jobs.json: no such file or directory"},
		},
		{
			name: "kernel messages between the events",
			port: "[    2.1] random: crng init done\n" + port(booted, started(0)) + "[    3.1] traps: x\r\n" +
				port(wrote(0, passing)) + "[    3.2] no newline" + port(ended(0, ""), started(1), wrote(1, passing), ended(1, ""), bye),
			fate: Ended, good: true,
			says:     []string{"7.3 amd64: 3 lines on the port of events are none, the first: \"[ 2.1] random: crng init done\""},
			saysNone: "FAIL",
		},
		{
			name: "a kernel message inside of an event",
			port: port(booted, started(0), wrote(0, passing)) + `{"kind":"end","jo[    3.2] oops` + "\n" +
				port(started(1), wrote(1, passing), ended(1, ""), bye),
			fate: Ended,
			says: []string{"FAIL 7.3 amd64 root: p: did not end: ended"},
		},
		{
			name: "a child's output before a result and in the place of one",
			port: port(booted, started(0), wrote(0, "^=== RUN   TestContract\nhalf a line^--- PASS: TestContract (0.00s)\n--- FAIL: TestB (0.00s)\n^=== NAME  \n^PASS\n"), ended(0, ""),
				started(1), wrote(1, passing), ended(1, ""), bye),
			fate: Ended, good: true,
			says:     []string{"7.3.4-1 amd64 root - 1 0 0 1.5"},
			saysNone: "FAIL",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			boot := Transcript{Console: test.console, Hung: test.hung}
			live := 0
			if err := readEvents(strings.NewReader(test.port), &boot, func(guest.Event) { live++ }); err != nil {
				t.Fatal(err)
			}
			if live != len(boot.Events) {
				t.Errorf("%d of %d events came live", live, len(boot.Events))
			}
			if got := boot.Fate(); got != test.fate {
				t.Errorf("fate %q, want %q", got, test.fate)
			}
			jobs, err := Judge(t.Context(), boot, twoJobs)
			if err != nil {
				t.Fatal(err)
			}
			printed, good := Report([]KernelReport{{Series: "7.3", Version: "7.3.4-1", Arch: "amd64", Boot: boot, Jobs: jobs}})
			if good != test.good {
				t.Errorf("good: %v", good)
			}
			squeezed := squeeze(printed)
			for _, line := range test.says {
				if !strings.Contains(squeezed, squeeze(line)+"\n") {
					t.Errorf("no line %q in\n%s", line, printed)
				}
			}
			if test.saysNone != "" && strings.Contains(printed, test.saysNone) {
				t.Errorf("%q in\n%s", test.saysNone, printed)
			}
		})
	}
}

// squeeze makes any row of blanks one blank, and takes those at the ends of
// lines away.
func squeeze(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n")
}

func TestReportWithoutBoot(t *testing.T) {
	printed, good := Report([]KernelReport{{Series: "7.3", Arch: "amd64", Err: errors.New("no emulator")}})
	if good {
		t.Error("good")
	}
	if !strings.Contains(printed, "FAIL 7.3 amd64 -: no emulator\n") {
		t.Error(printed)
	}
}

func TestJudgeRefusesUnknownJobs(t *testing.T) {
	if _, err := Judge(t.Context(), Transcript{Events: []guest.Event{ended(2, "")}}, twoJobs); err == nil {
		t.Error("no error for the end of a third job of two")
	}
}
