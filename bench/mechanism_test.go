//go:build linux && (amd64 || arm64)

package bench

import (
	"fmt"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/internal/evidence"
)

// TestMechanisms compares each mechanism that this kernel has with os/exec. It is for the machines
// of the kernel matrix: they are emulated, and so only ratios tell something (make benchnative).
func TestMechanisms(t *testing.T) {
	samples := 2
	if evidence.Wanted() {
		samples = 60
	}
	subjects := []string{plain}
	for _, s := range autokill.Probe() {
		if s.Err == nil {
			subjects = append(subjects, s.Mechanism.String())
		}
	}
	if len(subjects) == 1 {
		t.Fatal("no mechanism works here")
	}
	sleep := []string{"/bin/sleep", "1000"}
	var rows [][]string
	for _, kind := range []struct {
		name    string
		make    func(name string, times int, argv ...string) *beside.Contender
		times   int
		program []string
	}{
		{"start and wait", running, 2, []string{truth}},
		{"start alone", starting, 2, sleep},
		{"start and wait in 8 goroutines", parallel, 16, []string{truth}},
		{"Close, or Kill, and Wait", ending, 2, sleep},
	} {
		var contenders []beside.Contender
		for _, name := range subjects {
			contenders = append(contenders, *kind.make(name, kind.times, kind.program...))
		}
		taken := make([][]float64, len(contenders))
		addSamples(t, taken, contenders, samples)
		for i, name := range subjects[1:] {
			ratio := beside.Ratio(taken[i+1], taken[0])
			rows = append(rows, []string{
				kind.name, name + " / os/exec", fmt.Sprintf("%.2f", ratio.Median),
				fmt.Sprintf("%.2f to %.2f", ratio.Low, ratio.High), fmt.Sprint(samples),
			})
		}
	}
	evidence.Table(t, "native", []string{"", "ratio", "median", "95 % interval", "samples"}, rows)
}
