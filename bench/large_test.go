//go:build linux && (amd64 || arm64)

package bench

import (
	"testing"

	"github.com/autokill/autokill/bench/beside"
)

// BenchmarkHeap starts /bin/true from a process with a large live heap, and from one with
// an empty one.
func BenchmarkHeap(b *testing.B) {
	size := many(4<<30, 64<<20)
	small, large := hire(b), hire(b)
	large.do(b, order{Verb: "heap", Count: size})
	workers(b, small, large, "4 GiB")
}

// BenchmarkDescriptors starts /bin/true from a process with 19,500 open descriptors, and from
// one with 10.
func BenchmarkDescriptors(b *testing.B) {
	few, lots := hire(b), hire(b)
	few.do(b, order{Verb: "descriptors", Count: 10})
	lots.do(b, order{Verb: "descriptors", Count: many(19_500, 500)})
	workers(b, few, lots, "19,500 descriptors")
}

// workers compares two that differ in something, for autokill and for os/exec.
func workers(b *testing.B, without, with *worker, what string) {
	b.Helper()
	var contenders []*beside.Contender
	var compared []versus
	for _, name := range []string{ours, plain} {
		contenders = append(contenders,
			without.contender(name, name, many(4, 1)),
			with.contender(name+" with "+what, name, many(4, 1)))
		compared = append(compared, versus{name + " with " + what, name})
	}
	compared = append(compared, versus{ours + " with " + what, plain + " with " + what})
	race(b, many(10, 1), contenders, compared...)
}
