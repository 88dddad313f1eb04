//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/clone"
	"github.com/autokill/autokill/internal/seal"
	"github.com/autokill/autokill/internal/testproc"
)

const sealedRole = "sealed"

// startSealed is in a tree. It begins another one as if it did not know.
func startSealed([]string) int {
	if !seal.On() {
		fmt.Fprintln(os.Stderr, "sealed: the seal does not show")
		return 1
	}
	_, err := Plan{Kind: Tripwire}.start(sleeper(), Wish{Scope: ScopeTree})
	if !errors.Is(err, ErrSealed) {
		fmt.Fprintln(os.Stderr, "sealed:", err)
		return 1
	}
	return 0
}

// TestProvesThatItLeads: a start in a tree is refused by the child itself, whatever the
// caller believed.
func TestProvesThatItLeads(t *testing.T) {
	if seal.On() {
		t.Fatal("the tests run in a tree")
	}
	r := &clone.Request{Path: testproc.Exe, Argv: []string{"sealed"}, Env: testproc.RoleEnv(sealedRole), Files: []int{-1, -1, 2}}
	c, err := Start(r, Wish{Scope: ScopeTree})
	if err != nil {
		t.Fatal(err)
	}
	end := c.Await()
	if !end.Known || end.Status.ExitStatus() != 0 {
		t.Errorf("%+v", end)
	}
	c.Handle.Close()
	c.Observer.Close()
}

// TestTreeParcel: the description says that it is a tree's.
func TestTreeParcel(t *testing.T) {
	c, err := Start(sleeper(), Wish{Scope: ScopeTree})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Observer.Close()
	defer c.Await()
	defer c.Handle.Close()
	payload := make([]byte, 64)
	if _, _, _, _, err := unix.Recvmsg(int(c.Handle.Fd()), payload, nil, unix.MSG_PEEK|unix.MSG_DONTWAIT); err != nil {
		t.Fatal(err)
	}
	if want := []byte("autokill\x01\x00\x01\x00"); !slices.Equal(payload[:len(want)], want) {
		t.Errorf("description %q, want %q", payload[:len(want)], want)
	}
	if c.Scope() != ScopeTree {
		t.Errorf("the scope is %v", c.Scope())
	}
}

func TestParseStat(t *testing.T) {
	const tail = " 1 %d 3 0 -1 %d 1 2 3 4 5 6 7 8 20 0 %d 0 5 6 7"
	tests := []struct {
		line string
		want stat
		dead bool
	}{
		{"12 (sh) S" + fmt.Sprintf(tail, 7, 4194560, 1), stat{"S", 1, 7, false, 1}, false},
		{"12 (a) R (b)) Z" + fmt.Sprintf(tail, 7, 4194560, 1), stat{"Z", 1, 7, false, 1}, true},
		{"12 (leader gone) Z" + fmt.Sprintf(tail, 7, 4194560, 2), stat{"Z", 1, 7, false, 2}, false},
		{"12 (being reaped) X" + fmt.Sprintf(tail, 7, 4194560, 0), stat{"X", 1, 7, false, 0}, true},
		{"2 (kthreadd) S" + fmt.Sprintf(tail, 0, 2129984, 1), stat{"S", 1, 0, true, 1}, false},
	}
	for _, tt := range tests {
		got, err := parseStat([]byte(tt.line))
		if err != nil || got != tt.want || got.dead() != tt.dead {
			t.Errorf("%q: %+v, %v", tt.line, got, err)
		}
	}
	for _, line := range []string{"", "12 (sh) S 1 2", "12 (sh) S" + " x y z 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 q 0 5"} {
		if s, err := parseStat([]byte(line)); err == nil {
			t.Errorf("%q: %+v", line, s)
		}
	}
}
