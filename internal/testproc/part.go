package testproc

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// InMatrix says whether this is a machine of the kernel matrix.
func InMatrix() bool { return os.Getenv(guest.KernelVariable) != "" }

// Part is a third of all, by chance, where users of a machine of the kernel matrix share the tests:
// these are emulated, and slower than the host by a factor. The other user of the machine takes
// another third, and where machines have the tests between them it is a third of the machine's
// share. Elsewhere, or of tests that are asked for by name, it is all. The order stays.
func Part[T any](all []T) []T { return ours(all, 3) }

// Half is like Part: one user of the machine takes one half and the other user the other.
func Half[T any](all []T) []T { return ours(all, 2) }

func ours[T any](all []T, of int) []T {
	text, told := os.LookupEnv(guest.ShareVariable)
	if !told || !InMatrix() || !testing.Short() {
		return all
	}
	share, err := guest.ParseShare(text)
	if err != nil {
		panic(err)
	}
	which, portions := share.Portion(of)
	return portion(all, portions, share.Seed, which)
}

// portion is one of so many equal parts, as the number divides them; the last one overlaps
// another if they cannot be equal.
func portion[T any](all []T, of int, seed uint64, which int) []T {
	order := rand.New(rand.NewPCG(seed, uint64(len(all)))).Perm(len(all))
	size := (len(all) + of - 1) / of
	from := min(which*size, len(all)-size)
	numbers := order[from : from+size]
	slices.Sort(numbers)
	part := make([]T, len(numbers))
	for i, n := range numbers {
		part[i] = all[n]
	}
	return part
}
