package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
	"github.com/autokill/autokill/bench/target"
)

// targetTable says what became of the targets.
func targetTable(targets []target.Target, results []record.Result) string {
	var out strings.Builder
	out.WriteString("| target | bound | measured | 95 % interval | |\n|---|---|---|---|---|\n")
	for _, t := range targets {
		bound := "at most "
		if t.Bound.Least {
			bound = "at least "
		}
		measured, interval := "", ""
		if seen, ok := t.Measured(results); ok {
			measured, interval = amount(seen.Median, t.Unit), between(seen, t.Unit)
		}
		verdict := t.Verdict(results)
		text := verdict.String()
		if t.Missed != "" && (verdict == target.Missed || verdict == target.MissedNarrowly) {
			text += ": [why](#" + anchor(t.Missed) + ")"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", t.What, bound+amount(t.Bound.Limit, t.Unit), measured, interval, text)
	}
	return out.String()
}

// anchor is how a link names the section of a title.
func anchor(title string) string {
	return strings.ReplaceAll(strings.ToLower(title), " ", "-")
}

// runList says where and when the results were seen. There is one line if all are of one run.
func runList(results []record.Result) string {
	var runs []record.Run
	of := map[record.Run][]string{}
	for _, r := range results {
		if !slices.Contains(runs, r.Run) {
			runs = append(runs, r.Run)
		}
		of[r.Run] = append(of[r.Run], r.Name)
	}
	var out strings.Builder
	for _, run := range runs {
		fmt.Fprintf(&out, "- %s, commit %s, Linux %s, %d processors, %s", run.Date, run.Commit, run.Kernel, run.Processors, run.Go)
		if len(runs) > 1 {
			out.WriteString(": " + strings.Join(of[run], ", "))
		}
		out.WriteString("\n")
	}
	return out.String()
}

// resultTables are all results, each under its subject.
func resultTables(subjects []subject, results []record.Result) string {
	var out strings.Builder
	for _, s := range subjects {
		var of []record.Result
		for _, r := range results {
			if r.Name == s.result || strings.HasPrefix(r.Name, s.result+"/") {
				of = append(of, r)
			}
		}
		if len(of) == 0 {
			continue
		}
		slices.SortStableFunc(of, func(a, b record.Result) int { return len(a.Name) - len(b.Name) })
		fmt.Fprintf(&out, "\n### %s\n\n%s\n\n", s.title, s.text)
		out.WriteString("| | median | 95 % interval | samples |\n|---|---|---|---|\n")
		for _, r := range of {
			part := strings.TrimPrefix(strings.TrimPrefix(r.Name, s.result), "/")
			row := func(name string, seen beside.Spread, unit string) {
				if part != "" {
					name = strings.ReplaceAll(part, "_", " ") + ": " + name
				}
				samples := ""
				if r.Samples > 0 {
					samples = fmt.Sprint(r.Samples)
				}
				fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", name, amount(seen.Median, unit), between(seen, unit), samples)
			}
			for _, v := range r.Values {
				row(v.Name, v.Spread, r.Unit)
			}
			for _, v := range r.Ratios {
				row("**"+v.Of+" / "+v.Over+"**", v.Spread, "")
			}
		}
	}
	return out.String()
}

// between is an interval. A count has none.
func between(s beside.Spread, unit string) string {
	if s.Low == s.High {
		return ""
	}
	return amount(s.Low, unit) + " to " + amount(s.High, unit)
}

// amount is a number with its unit: nanoseconds in a unit that suits, a ratio with two digits
// behind the point, a count as it is.
func amount(v float64, unit string) string {
	switch {
	case unit == "ns" && v >= 1e9:
		return fmt.Sprintf("%.3g s", v/1e9)
	case unit == "ns" && v >= 1e6:
		return fmt.Sprintf("%.3g ms", v/1e6)
	case unit == "ns" && v >= 1e3:
		return fmt.Sprintf("%.3g µs", v/1e3)
	case v == float64(int64(v)):
		return strings.TrimSpace(fmt.Sprintf("%d %s", int64(v), unit))
	case v >= 100:
		return strings.TrimSpace(fmt.Sprintf("%.0f %s", v, unit))
	}
	return strings.TrimSpace(fmt.Sprintf("%.2f %s", v, unit))
}
