package autokill

import (
	"fmt"
	"os"

	"github.com/autokill/autokill/internal/bond"
)

// Mechanism is how the kernel is made to kill the child.
type Mechanism int

const (
	// Best is the zero value: [Native] where the kernel has it, else [Tripwire].
	Best = Mechanism(bond.Auto)
	// Native is CLONE_PIDFD_AUTOKILL (Linux 7.1).
	Native = Mechanism(bond.Native)
	// Tripwire is a handle that holds armed pipes; when it goes away the kernel
	// signals their owner, the child (Linux 5.10).
	Tripwire = Mechanism(bond.Tripwire)
)

// String returns "best", "native" or "tripwire".
func (m Mechanism) String() string {
	switch m {
	case Best:
		return "best"
	case Native:
		return "native"
	case Tripwire:
		return "tripwire"
	}
	return fmt.Sprintf("Mechanism(%d)", int(m))
}

// ParseMechanism is the inverse of [Mechanism.String].
func ParseMechanism(name string) (Mechanism, error) {
	for _, m := range []Mechanism{Best, Native, Tripwire} {
		if m.String() == name {
			return m, nil
		}
	}
	return Best, fmt.Errorf("autokill: no mechanism %q: there are best, native and tripwire", name)
}

// Support is what [Probe] found out about one mechanism.
type Support struct {
	Mechanism Mechanism
	// Err is nil if the mechanism works here and now: a child was started and died
	// of its handle's end. Otherwise it says why not. It wraps errors.ErrUnsupported
	// if the kernel or a sandbox does not let it work; any other error, such as an
	// exhausted limit, says nothing about the mechanism.
	Err error
}

// Probe tries each mechanism, in the order in which [Best] prefers them, by
// killing a child with it that never execs.
func Probe() []Support {
	order := []Mechanism{Native, Tripwire}
	all := make([]Support, len(order))
	for i, m := range order {
		all[i].Mechanism = m
		if err := bond.Prove(bond.Kind(m)); err != nil {
			all[i].Err = &OpError{Op: "probe", Mechanism: m, Err: hint(err, os.Stat)}
		}
	}
	return all
}
