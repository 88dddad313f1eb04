package kernels

import (
	"fmt"
	"slices"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// Host is the name of this machine's own kernel where a series is asked for.
const Host = "host"

// A Cell is one line of stable releases on one architecture, or this machine.
type Cell struct {
	Kernel string // the name of a series, or Host
	Arch   string // empty for Host: it is what it is
}

// Matrix is everything that a claim about kernels has to hold on.
var Matrix = []Cell{
	{Host, ""},
	{"7.3", "amd64"},
	{"7.2", "amd64"},
	{"6.12", "amd64"},
	{"6.1", "amd64"},
	{"5.10", "amd64"},
	{"7.3", "arm64"},
	{"5.10", "arm64"},
}

// Select answers the cells that are asked for by the names of kernels and
// architectures. No names mean Short on amd64; of the whole matrix, all of it.
func Select(whole bool, kernels, arches []string) ([]Cell, error) {
	for _, k := range kernels {
		if _, err := FindSeries(k); err != nil && k != Host {
			return nil, err
		}
	}
	for _, a := range arches {
		if _, err := FindArch(a); err != nil {
			return nil, err
		}
	}
	var cells []Cell
	if whole {
		for _, c := range Matrix {
			if (len(kernels) == 0 || slices.Contains(kernels, c.Kernel)) &&
				(len(arches) == 0 || slices.Contains(arches, c.Arch)) {
				cells = append(cells, c)
			}
		}
		if len(cells) == 0 {
			return nil, fmt.Errorf("the matrix has nothing of kernels %q on %q", kernels, arches)
		}
		return cells, nil
	}
	if len(kernels) == 0 {
		kernels = Short
	}
	if len(arches) == 0 {
		arches = []string{"amd64"}
	}
	if slices.Contains(kernels, Host) {
		cells = append(cells, Cell{Host, ""})
	}
	for _, a := range arches {
		for _, k := range kernels {
			if k != Host {
				cells = append(cells, Cell{k, a})
			}
		}
	}
	return cells, nil
}

// shared is how many machines of an architecture have the tests between them in the whole
// matrix, so that it ends while somebody waits for it. arm64 is emulated three times as
// slowly as amd64. Machines beyond that number begin anew.
var shared = map[string]int{"amd64": 4, "arm64": 8}

// Lots says of each cell which of the tests it has.
func Lots(whole bool, cells []Cell) []guest.Lot {
	lots := make([]guest.Lot, len(cells))
	if !whole {
		return lots
	}
	numbers := map[string]int{}
	for i, c := range cells {
		if of, divided := shared[c.Arch]; divided && c.Kernel != Host {
			lots[i] = guest.Lot{Number: numbers[c.Arch] % of, Others: of - 1}
			numbers[c.Arch]++
		}
	}
	return lots
}
