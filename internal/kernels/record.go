package kernels

import (
	"fmt"
	"os"
	"strings"
)

// The lines of a document between which the table stands.
const (
	recordBegin = "<!-- matrix -->\n"
	recordEnd   = "<!-- end of matrix -->\n"
)

// Record puts the table of a run into a document in Markdown, in the place of
// the one that is there. What it says of the run is a sentence below it.
func Record(name string, kernels []KernelReport, remark string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), recordBegin)
	_, after, ok2 := strings.Cut(rest, recordEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the table, which is between %q and %q", name, recordBegin, recordEnd)
	}
	table := markdown(rows(kernels)) + "\n" + remark + "\n"
	return os.WriteFile(name, []byte(before+recordBegin+table+recordEnd+after), 0o644)
}

func markdown(all []row) string {
	var out strings.Builder
	line := func(cells []string) { fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | ")) }
	line(columns)
	out.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	for i := range all {
		line(all[i].cells())
	}
	return out.String()
}
