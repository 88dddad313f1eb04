package kernels

import (
	"fmt"
	"strings"

	"github.com/autokill/autokill/internal/evidence"
)

// Record puts the table of a run into a document in Markdown, in the place of
// the one that is there. What it says of the run is a sentence below it.
func Record(document string, kernels []KernelReport, remark string) error {
	return evidence.Put(document, "matrix", markdown(rows(kernels))+"\n"+remark+"\n")
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
