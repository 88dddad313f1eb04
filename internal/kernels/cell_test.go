package kernels

import (
	"slices"
	"strings"
	"testing"

	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/kernels/guest"
)

func TestSelect(t *testing.T) {
	tests := []struct {
		name    string
		whole   bool
		kernels []string
		arches  []string
		want    []Cell
		failure string
	}{
		{"nothing asked for", false, nil, nil, []Cell{{"7.3", "amd64"}, {"5.10", "amd64"}}, ""},
		{"one kernel", false, []string{"6.1"}, nil, []Cell{{"6.1", "amd64"}}, ""},
		{"one architecture", false, nil, []string{"arm64"}, []Cell{{"7.3", "arm64"}, {"5.10", "arm64"}}, ""},
		{"this machine", false, []string{"host"}, []string{"arm64"}, []Cell{{"host", ""}}, ""},
		{"a kernel that the matrix leaves out", false, []string{"7.1"}, []string{"arm64"}, []Cell{{"7.1", "arm64"}}, ""},
		{"the matrix", true, nil, nil, Matrix, ""},
		{"one kernel of it", true, []string{"5.10"}, nil, []Cell{{"5.10", "amd64"}, {"5.10", "arm64"}}, ""},
		{"one architecture of it", true, nil, []string{"arm64"}, []Cell{{"7.3", "arm64"}, {"5.10", "arm64"}}, ""},
		{"nothing of it", true, []string{"7.1"}, nil, nil, "nothing of"},
		{"no such kernel", false, []string{"5.9"}, nil, nil, "no kernel series"},
		{"no such architecture", true, nil, []string{"s390x"}, nil, "no architecture"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Select(test.whole, test.kernels, test.arches)
			if test.failure != "" {
				if err == nil || !strings.Contains(err.Error(), test.failure) {
					t.Fatalf("error %v, want %q", err, test.failure)
				}
				return
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

// TestLots: a machine alone has all tests; those of the whole matrix share them, and between
// them have all.
func TestLots(t *testing.T) {
	for i, m := range Lots(false, Matrix) {
		if m != (guest.Lot{}) {
			t.Errorf("%v: %+v", Matrix[i], m)
		}
	}
	seen := map[guest.Lot]bool{}
	for i, m := range Lots(true, Matrix) {
		if (Matrix[i].Kernel == Host) != (m.Others == 0) {
			t.Errorf("%v: %+v", Matrix[i], m)
		}
		seen[m] = true
	}
	for number := range 4 {
		if m := (guest.Lot{Number: number, Others: 3}); !seen[m] {
			t.Errorf("nobody is %+v", m)
		}
	}
}

// TestMatrix: every cell can be had, and what is claimed is covered.
func TestMatrix(t *testing.T) {
	for _, c := range Matrix {
		if c.Kernel == Host {
			continue
		}
		if _, err := FindSeries(c.Kernel); err != nil {
			t.Error(err)
		}
		if _, err := FindArch(c.Arch); err != nil {
			t.Error(err)
		}
	}
	for _, k := range Short {
		if !slices.Contains(Matrix, Cell{k, "amd64"}) {
			t.Errorf("%s is short of the matrix", k)
		}
	}
}

// TestDocument: a table that is in docs/kernels.md is one of the whole matrix, and all green.
func TestDocument(t *testing.T) {
	table, err := evidence.Get("../../docs/kernels.md", "matrix")
	if err != nil {
		t.Fatal(err)
	}
	var seen []Cell
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if len(cells) != len(columns) || cells[0] == columns[0] {
			continue
		}
		if cells[4] == "0" || cells[6] != "0" {
			t.Errorf("not green: %s", line)
		}
		cell := Cell{seriesOf(cells[0]), cells[1]}
		if strings.Contains(cells[0], "this machine") {
			cell = Cell{Host, ""}
		}
		seen = append(seen, cell)
	}
	if len(seen) == 0 {
		t.Skip("no run is recorded: make matrix RECORD=1")
	}
	for _, c := range Matrix {
		if !slices.Contains(seen, c) {
			t.Errorf("the table does not have %v", c)
		}
	}
}
