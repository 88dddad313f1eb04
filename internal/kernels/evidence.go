package kernels

import (
	"fmt"
	"strings"

	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/kernels/guest"
)

// Evidence collects the tables that tests logged on all kernels.
func Evidence(kernels []KernelReport) *evidence.Collection {
	var all evidence.Collection
	for _, k := range kernels {
		for _, j := range k.Jobs {
			by := fmt.Sprintf("Linux %s, %s, as %s", k.Boot.release(), k.Arch, j.Job.User)
			for line := range strings.Lines(j.Output) {
				all.Line(by, line)
			}
		}
	}
	return &all
}

// release is what the kernel calls itself.
func (t Transcript) release() string {
	for _, e := range t.Events {
		if e.Kind == guest.Boot {
			return e.Text
		}
	}
	return "that did not boot"
}
