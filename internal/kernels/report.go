package kernels

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// A KernelReport is what happened on one kernel.
type KernelReport struct {
	Series  string
	Version string // the kernel package's
	Arch    string
	Boot    Transcript
	Jobs    []JobReport
	Err     error // why there was no boot or no end of it
}

func (k *KernelReport) name() string { return k.Series + " " + k.Arch }

// A row is a line of the table: one kernel and one user.
type row struct {
	kernel               *KernelReport
	user                 string
	jobs                 []JobReport
	mechanisms           []string
	run, skipped, failed int
	elapsed              time.Duration
}

func rows(kernels []KernelReport) []row {
	var all []row
	for i := range kernels {
		k := &kernels[i]
		began := len(all)
		for _, u := range users {
			r := row{kernel: k, user: u.name}
			for _, j := range k.Jobs {
				if j.Job.User == u.name {
					r.add(j)
				}
			}
			if len(r.jobs) > 0 {
				all = append(all, r)
			}
		}
		if len(all) == began { // nothing is no success
			all = append(all, row{kernel: k, user: "-"})
		}
	}
	return all
}

func (r *row) add(j JobReport) {
	r.jobs = append(r.jobs, j)
	r.run += j.count("pass") + j.count("fail") + j.count("")
	r.skipped += j.count("skip")
	r.failed += j.count("fail") + j.count("")
	r.elapsed += j.Elapsed
	for _, result := range j.Results {
		for _, m := range result.ran() {
			if !slices.Contains(r.mechanisms, m) {
				r.mechanisms = append(r.mechanisms, m)
			}
		}
	}
	slices.Sort(r.mechanisms)
}

func (r *row) name() string { return r.kernel.name() + " " + r.user }

// wrong lists what went wrong apart from failed tests.
func (r *row) wrong() []string {
	var all []string
	if r.kernel.Err != nil {
		all = append(all, r.kernel.Err.Error())
	}
	for _, j := range r.jobs {
		for _, t := range j.Trouble {
			all = append(all, j.Job.Package+": "+t)
		}
	}
	if r.run == 0 {
		all = append(all, "no test ran")
	}
	return all
}

// Report makes the table, the reasons of skips, and everything that failed.
// It is good if something ran everywhere and nothing failed.
func Report(kernels []KernelReport) (text string, good bool) {
	all := rows(kernels)
	out := &strings.Builder{}
	good = reportTable(out, all)
	reportSkips(out, all)
	for i := range all {
		reportFailures(out, &all[i])
	}
	for i := range kernels {
		reportBoot(out, &kernels[i])
	}
	return out.String(), good
}

// columns are those of the table.
var columns = []string{"kernel", "arch", "user", "mechanisms", "run", "skipped", "failed", "seconds"}

// cells is the row as it stands in the table.
func (r *row) cells() []string {
	return []string{
		cmp.Or(r.kernel.Version, r.kernel.Series), r.kernel.Arch, r.user, cmp.Or(strings.Join(r.mechanisms, " "), "-"),
		strconv.Itoa(r.run), strconv.Itoa(r.skipped), strconv.Itoa(r.failed), fmt.Sprintf("%.1f", r.elapsed.Seconds()),
	}
}

func (r *row) good() bool { return r.failed == 0 && len(r.wrong()) == 0 }

func reportTable(out *strings.Builder, all []row) (good bool) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, strings.Join(columns, "\t")+"\t")
	good = true
	for i := range all {
		verdict := ""
		if !all[i].good() {
			good, verdict = false, "FAIL"
		}
		_, _ = fmt.Fprintln(table, strings.Join(all[i].cells(), "\t")+"\t"+verdict)
	}
	_ = table.Flush()
	return good
}

// reportSkips lists why tests were skipped, the most frequent reason first.
func reportSkips(out *strings.Builder, all []row) {
	type reason struct {
		text  string
		count int
		rows  []string
	}
	var reasons []*reason
	for i := range all {
		for _, j := range all[i].jobs {
			for _, result := range j.Results {
				if result.Outcome != "skip" {
					continue
				}
				text := result.Reason()
				at := slices.IndexFunc(reasons, func(r *reason) bool { return r.text == text })
				if at < 0 {
					at = len(reasons)
					reasons = append(reasons, &reason{text: text})
				}
				r := reasons[at]
				r.count++
				if !slices.Contains(r.rows, all[i].name()) {
					r.rows = append(r.rows, all[i].name())
				}
			}
		}
	}
	if len(reasons) == 0 {
		return
	}
	slices.SortStableFunc(reasons, func(a, b *reason) int { return cmp.Compare(b.count, a.count) })
	fmt.Fprintln(out, "\nskipped:")
	for _, r := range reasons {
		fmt.Fprintf(out, "%5d  %s (%s)\n", r.count, r.text, strings.Join(r.rows, ", "))
	}
}

// reportFailures prints the failed tests of a row with their output. A job
// that failed without a failed test shows the end of what it wrote.
func reportFailures(out *strings.Builder, r *row) {
	for _, problem := range r.wrong() {
		fmt.Fprintf(out, "\nFAIL %s: %s\n", r.name(), problem)
	}
	for _, j := range r.jobs {
		told := false
		for _, result := range j.Results {
			switch result.Outcome {
			case "fail":
				fmt.Fprintf(out, "\nFAIL %s: %s %s\n%s", r.name(), result.Package, result.Test, result.Output)
				told = true
			case "":
				fmt.Fprintf(out, "\nFAIL %s: %s %s did not end\n%s", r.name(), result.Package, result.Test, result.Output)
				told = true
			}
		}
		if len(j.Trouble) > 0 && !told && j.Output != "" {
			fmt.Fprintf(out, "the end of the output of %s as %s:\n%s\n", j.Job.Package, j.Job.User, lastLines(j.Output, 40))
		}
	}
}

// reportBoot says how a boot ended that did not end well.
func reportBoot(out *strings.Builder, k *KernelReport) {
	if k.Err != nil && len(k.Boot.Events) == 0 && k.Boot.Console == "" {
		return // there was none
	}
	if fate := k.Boot.Fate(); fate != Ended {
		fmt.Fprintf(out, "\nFAIL %s: %s\n", k.name(), fate)
		if fault := k.Boot.Fault(); fault != "" {
			fmt.Fprintf(out, "init: %s\n", fault)
		}
		fmt.Fprintf(out, "the end of the console:\n%s\n", cmp.Or(lastLines(k.Boot.Console, 40), "(nothing)"))
	}
	if len(k.Boot.Noise) > 0 {
		fmt.Fprintf(out, "\n%s: %d lines on the port of events are none, the first: %q\n", k.name(), len(k.Boot.Noise), k.Boot.Noise[0])
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
