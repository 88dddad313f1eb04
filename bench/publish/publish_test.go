package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
	"github.com/autokill/autokill/bench/target"
	"github.com/autokill/autokill/internal/evidence"
)

const (
	document = "../../docs/benchmarks.md"
	recorded = "../../docs/benchmarks/results.json"
)

func TestAmount(t *testing.T) {
	for _, tt := range []struct {
		value float64
		unit  string
		want  string
	}{
		{0.951, "", "0.95"},
		{12, "", "12"},
		{0, "", "0"},
		{12.5, "bytes", "12.50 bytes"},
		{15356.9, "bytes", "15357 bytes"},
		{380, "ns", "380 ns"},
		{512_345, "ns", "512 µs"},
		{6_430_000, "ns", "6.43 ms"},
		{2.5e9, "ns", "2.5 s"},
	} {
		if got := amount(tt.value, tt.unit); got != tt.want {
			t.Errorf("%v %s: %q, want %q", tt.value, tt.unit, got, tt.want)
		}
	}
}

var example = []record.Result{
	{
		Name: "Close", Unit: "ns", Samples: 30,
		Values: []record.Value{{Name: "autokill", Spread: beside.Spread{Median: 4e5, Low: 3e5, High: 5e5}}},
		Ratios: []record.Ratio{{Of: "autokill", Over: "os/exec", Spread: beside.Spread{Median: 0.9, Low: 0.8, High: 0.95}}},
		Run:    record.Run{Date: "2026-11-29", Commit: "abc", Kernel: "6.18", Go: "go1.26", Processors: 2},
	},
	{
		Name: "Idle/long_time", Unit: "calls",
		Values: []record.Value{{Name: "autokill", Spread: beside.Exactly(0)}},
		Run:    record.Run{Date: "2026-11-30", Commit: "def", Kernel: "6.18", Go: "go1.26", Processors: 2},
	},
}

func TestTargetTable(t *testing.T) {
	got := targetTable([]target.Target{
		{What: "closing", Result: "Close", Of: "autokill", Over: "os/exec", Bound: target.Bound{Limit: 0.85}, Missed: "Slow closing"},
		{What: "throughput", Result: "Parallel", Of: "autokill", Over: "os/exec", Bound: target.Bound{Least: true, Limit: 1.2}},
		{What: "calls", Result: "Idle/long_time", Of: "autokill", Bound: target.Bound{}, Missed: "Not this time"},
	}, example)
	want := `| target | bound | measured | 95 % interval | |
|---|---|---|---|---|
| closing | at most 0.85 | 0.90 | 0.80 to 0.95 | **missed** (the interval reaches within): [why](#slow-closing) |
| throughput | at least 1.20 |  |  | not measured |
| calls | at most 0 | 0 |  | met |
`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestResultTables(t *testing.T) {
	got := resultTables([]subject{{"Idle", "Nothing", "is done"}, {"Close", "Closing", "ends"}, {"Start", "Not measured", ""}}, example)
	want := `
### Nothing

is done

| | median | 95 % interval | samples |
|---|---|---|---|
| long time: autokill | 0 calls |  |  |

### Closing

ends

| | median | 95 % interval | samples |
|---|---|---|---|
| autokill | 400 µs | 300 µs to 500 µs | 30 |
| **autokill / os/exec** | 0.90 | 0.80 to 0.95 | 30 |
`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestRunList(t *testing.T) {
	want := "- 2026-11-29, commit abc, Linux 6.18, 2 processors, go1.26: Close\n- 2026-11-30, commit def, Linux 6.18, 2 processors, go1.26: Idle/long_time\n"
	if got := runList(example); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := runList(example[:1]); got != "- 2026-11-29, commit abc, Linux 6.18, 2 processors, go1.26\n" {
		t.Error(got)
	}
}

// TestDocument: the document is made of the results that are there, each target was measured,
// and each subject; and what is said to be missed has a section.
func TestDocument(t *testing.T) {
	results, err := record.Load(recorded)
	if err != nil {
		t.Fatal(err)
	}
	for section, want := range map[string]string{
		"targets": targetTable(target.Targets, results), "runs": runList(results), "results": resultTables(subjects, results),
	} {
		if got, err := evidence.Get(document, section); err != nil || got != want {
			t.Errorf("%s is not what publish makes of the results: %v", section, err)
		}
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range target.Targets {
		if tt.Verdict(results) == target.Unknown {
			t.Errorf("%s: not measured", tt.What)
		}
		if tt.Missed != "" && !strings.Contains(string(text), "\n### "+tt.Missed+"\n") {
			t.Errorf("%s: no section %q", tt.What, tt.Missed)
		}
	}
	for _, s := range subjects {
		if !strings.Contains(resultTables(subjects, results), "### "+s.title+"\n") {
			t.Errorf("%s: not measured", s.title)
		}
	}
	for _, r := range results {
		if resultTables(subjects, []record.Result{r}) == "" {
			t.Errorf("%s is in no subject", r.Name)
		}
	}
}

// TestDraw: every plot that the document shows is drawn.
func TestDraw(t *testing.T) {
	results, err := record.Load(recorded)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := drawAll(dir, target.Targets, results); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, part := range strings.Split(string(text), "](benchmarks/")[1:] {
		name, _, _ := strings.Cut(part, ")")
		svg, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(svg), "</svg>") {
			t.Errorf("%s: %v", name, err)
		}
		shown++
	}
	if shown == 0 {
		t.Error("the document shows no plot")
	}
}
