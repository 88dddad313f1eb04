//go:build linux && (amd64 || arm64)

package bench

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/bench/beside"
)

// BenchmarkScope starts /bin/true and waits, under each scope.
func BenchmarkScope(b *testing.B) {
	times := many(4, 1)
	contenders := []*beside.Contender{running("tree", times, truth), running("PID namespace", times, truth), running(ours, times, truth)}
	race(b, many(10, 1), contenders, versus{"tree", ours}, versus{"PID namespace", ours})
}

// BenchmarkSeal runs a program that makes system calls and nothing else, in a sealed tree and
// without. It measures itself; an op is one call.
func BenchmarkSeal(b *testing.B) {
	program, ok := compiled(b, "calls")
	if !ok {
		b.Skip("needs a C compiler")
	}
	calls := many(100_000, 1000)
	for _, call := range []string{"getppid", "read", "ioctl"} {
		b.Run(call, func(b *testing.B) {
			in := func(name string, scope autokill.Scope) *beside.Contender {
				return &beside.Contender{Name: name, Turns: calls, Block: true, Take: func(n int) (time.Duration, error) {
					c := autokill.Command(program, call, strconv.Itoa(n))
					c.Scope = scope
					out, err := c.Output()
					if err != nil {
						return 0, err
					}
					return nanoseconds(bytes.NewReader(out))
				}}
			}
			contenders := []*beside.Contender{in("tree", autokill.ScopeTree), in("process", autokill.ScopeProcess)}
			race(b, many(2, 1), contenders, against(contenders)...)
		})
	}
}
