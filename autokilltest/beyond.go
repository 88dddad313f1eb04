//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/model"
	"github.com/autokill/autokill/internal/testproc"
)

var beyond = []clause{
	{"TestB3_MechanismInForce", func(t *testing.T, s suite) {
		p, e := s.start(t)
		if got := p.Mechanism(); got != s.Mechanism {
			t.Errorf("%v is in force, want %v", got, s.Mechanism)
		}
		p.Close()
		e.after(t, model.Closed)
	}},
	{"TestB4_CloseInTheMiddleOfAnExec", func(t *testing.T, s suite) {
		rounds := times(200, 8)
		for range rounds {
			line := testproc.NewLifeline(t)
			c := attacker(s.Command, "execloop")
			c.Stdout, c.Stderr = line.End(), os.Stderr
			p := s.begin(t, c)
			// The first word says that the loop has begun.
			if _, err := line.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			line.AllGone(t)
			if s.Mechanism == autokill.Native || s.Scope == autokill.ScopePIDNamespace {
				// What PIDFD_GET_INFO tells of such an end can be that of the thread which was the
				// leader before the exec: "exit status 0" was seen once, on 7.3.
				s.wait(t, p)
				continue
			}
			killed(t, p)
		}
		t.Logf("%d closes while the child was exec'ing from its threads: none lost", rounds)
	}},
	// Close kills before it closes. Only where somebody else has the open file, too, without
	// the library's help, does that make a difference each time.
	{"TestB4_CloseDespiteACopy", func(t *testing.T, s suite) {
		before := testproc.OpenDescriptors()
		e := newEcho(t)
		c := s.Command("cat")
		if s.Scope != autokill.ScopeProcess && testproc.KernelAtLeast(6, 9) {
			c = s.Command("sh", "-c", "exec 3<&0; cat <&3 & wait") // before, that is the child alone
		}
		c.Stdin, c.Stdout, c.Stderr = e.stdin, e.stdout, os.Stderr
		p := s.begin(t, c)
		e.handOver()
		s.bind(t, e)
		e.ping(t)
		secret, err := unix.FcntlInt(uintptr(newHandle(before)), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(secret)
		// An exec that fails has given nothing to anybody.
		handles := map[string]autokill.Handed{"child": {Process: p}}
		if err := autokill.Exec("/does/not/exist", []string{"x"}, os.Environ(), handles); !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		e.after(t, model.Copied, model.Closed)
	}},
}
