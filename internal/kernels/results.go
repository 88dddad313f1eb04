package kernels

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// A Result is one test of one job. Only tests without subtests are results,
// and those that failed by themselves although their subtests did not.
type Result struct {
	Package string
	Test    string
	Outcome string // "pass", "fail", "skip"; "" for a test that did not end
	Output  string
}

// contract is the test whose subtests are about the mechanisms, and mechanisms are their
// names by those of the subtests.
const contract = "TestContract"

var mechanisms = map[string]string{
	"native": "native", "tripwire": "tripwire", "tree": "tripwire",
	"pidns_by_native": "native", "pidns_by_tripwire": "tripwire",
}

// A JobReport is what one job did.
type JobReport struct {
	Job     guest.Job
	Results []Result
	Output  string
	Trouble []string // why the job failed apart from its tests
	Elapsed time.Duration
}

// Failed reports whether anything in the job went wrong.
func (j JobReport) Failed() bool { return len(j.Trouble) > 0 || j.count("fail")+j.count("") > 0 }

func (j JobReport) count(outcome string) int {
	n := 0
	for _, r := range j.Results {
		if r.Outcome == outcome {
			n++
		}
	}
	return n
}

// Judge reads what each job did out of a transcript.
func Judge(ctx context.Context, t Transcript, jobs []guest.Job) ([]JobReport, error) {
	reports := make([]JobReport, len(jobs))
	ended := make([]bool, len(jobs))
	output := make([]bytes.Buffer, len(jobs))
	for i := range jobs {
		reports[i].Job = jobs[i]
	}
	for _, e := range t.Events {
		if e.Job < 0 || e.Job >= len(jobs) {
			return nil, fmt.Errorf("an event of job %d, there are %d", e.Job, len(jobs))
		}
		r := &reports[e.Job]
		switch e.Kind {
		case guest.Output:
			output[e.Job].WriteString(e.Text)
		case guest.End:
			ended[e.Job] = true
			r.Elapsed = e.Elapsed
			if e.Exit != "" {
				r.Trouble = append(r.Trouble, e.Exit)
			}
			for _, s := range e.Survivors {
				r.Trouble = append(r.Trouble, "outlived by "+s)
			}
		}
	}
	for i := range reports {
		r := &reports[i]
		r.Output = output[i].String()
		if !ended[i] {
			r.Trouble = append(r.Trouble, "did not end: "+string(t.Fate()))
		}
		var err error
		if r.Results, err = testResults(ctx, r.Job.Package, r.Output); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// testResults turns the output of a test binary into results. The go command's
// own converter reads it: it knows which test a line belongs to.
func testResults(ctx context.Context, pkg, output string) ([]Result, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "test2json")
	cmd.Stdin = strings.NewReader(output)
	converted, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool test2json: %w", err)
	}
	return collect(pkg, converted)
}

// collect reads the converter's lines. See go doc test2json.
func collect(pkg string, converted []byte) ([]Result, error) {
	var order []string
	tests := map[string]*Result{}
	outputs := map[string]*strings.Builder{}
	lines := bufio.NewScanner(bytes.NewReader(converted))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("test2json wrote %q: %w", lines.Text(), err)
		}
		if e.Test == "" {
			continue
		}
		if tests[e.Test] == nil {
			tests[e.Test] = &Result{Package: pkg, Test: e.Test}
			outputs[e.Test] = &strings.Builder{}
			order = append(order, e.Test)
		}
		switch e.Action {
		case "pass", "fail", "skip":
			tests[e.Test].Outcome = e.Action
		case "output":
			outputs[e.Test].WriteString(e.Output)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	var results []Result
	for _, name := range order {
		r := tests[name]
		r.Output = outputs[name].String()
		if isResult(name, tests) {
			results = append(results, *r)
		}
	}
	return results, nil
}

// isResult leaves out the tests that only repeat what their subtests say.
func isResult(name string, tests map[string]*Result) bool {
	bad := func(r *Result) bool { return r.Outcome == "fail" || r.Outcome == "" }
	leaf, badBelow := true, false
	for other, r := range tests {
		if strings.HasPrefix(other, name+"/") {
			leaf = false
			badBelow = badBelow || bad(r)
		}
	}
	return leaf || bad(tests[name]) && !badBelow
}

// position is what t.Log puts before a line.
var position = regexp.MustCompile(`^\s*[^\s:]+\.go:\d+: `)

// Reason is what a skipped test gave as its reason.
func (r Result) Reason() string {
	var said []string
	for line := range strings.Lines(r.Output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		said = append(said, position.ReplaceAllString(line, ""))
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

// ran lists the mechanisms that a result with an outcome is about.
func (r Result) ran() []string {
	if r.Outcome != "pass" && r.Outcome != "fail" {
		return nil
	}
	elements := strings.Split(r.Test, "/")
	if len(elements) < 2 || elements[0] != contract || mechanisms[elements[1]] == "" {
		return nil
	}
	return []string{mechanisms[elements[1]]}
}
