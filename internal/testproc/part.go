package testproc

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// KernelVariable is set to the name of the kernel in a machine of the kernel matrix.
const KernelVariable = "AUTOKILL_KERNEL"

// InMatrix says whether this is such a machine.
func InMatrix() bool { return os.Getenv(KernelVariable) != "" }

// Part is a third of all, by chance, in the short form in a machine of the kernel matrix: these
// are emulated, and slower than the host by a factor. Elsewhere it is all. The order stays.
func Part[T any](all []T) []T {
	if !InMatrix() || !testing.Short() {
		return all
	}
	numbers := rand.Perm(len(all))[:(len(all)+2)/3]
	slices.Sort(numbers)
	part := make([]T, len(numbers))
	for i, n := range numbers {
		part[i] = all[n]
	}
	return part
}
