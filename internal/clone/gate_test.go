//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/testproc"
)

const gatekeeperRole = "gatekeeper"

// gatekeeper has two children at two gates, each born with copies of both, says so, and
// never opens them. Descriptor 3 is a lifeline.
func gatekeeper([]string) int {
	gates := [2]gate{}
	for i := range gates {
		var err error
		if gates[i], err = openGate(); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	for _, g := range gates {
		r := &Request{Path: "/bin/true", Argv: []string{"true"}, Files: []int{3}, Flags: unix.CLONE_NEWUSER}
		if _, err := r.clone(g.read); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	fmt.Println("waiting")
	_, err := unix.Poll(nil, -1)
	fmt.Println(err)
	return 1
}

// TestHolderDiesAtTheGate: nobody is left waiting, though the children are bound to
// nothing here.
func TestHolderDiesAtTheGate(t *testing.T) {
	line := testproc.NewLifeline(t)
	holder := testproc.Command(gatekeeperRole)
	holder.ExtraFiles = []*os.File{line.End()}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	var word string
	if _, err := fmt.Fscan(out, &word); err != nil || word != "waiting" {
		t.Fatalf("%q, %v", word, err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // killed, as it should be
	line.AllGone(t)
	// The children have come to us, the tests' subreaper.
	for !t.Failed() {
		if _, err := unix.Wait4(-1, nil, unix.WALL, nil); errors.Is(err, unix.ECHILD) {
			break
		}
	}
}

// TestShutOut: what the child says is the cause unless we are it.
func TestShutOut(t *testing.T) {
	gate := pass(0)[0]
	for _, test := range []struct {
		err  error
		want bool
	}{
		{stepError(gate, unwanted(0)), true}, // the end of file
		{stepError(gate, ErrNotStarted), true},
		{stepError(gate, unix.EIO), false},
		{stepError(Step{Name: "execve"}, unwanted(1)), false},
		{unix.EPERM, false},
	} {
		if got := shutOut(test.err); got != test.want {
			t.Errorf("%v: %v, want %v", test.err, got, test.want)
		}
	}
}
