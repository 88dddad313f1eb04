//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"testing"
)

func TestAsPowerful(t *testing.T) {
	for _, tt := range []struct {
		name    string
		maker   int
		program []int
		capable bool
		want    bool
	}{
		{"root, root", 0, []int{0, 0}, true, true},
		{"root, a user", 0, []int{1000, 1000}, false, true},
		{"a user, himself", 1000, []int{1000, 1000}, false, true},
		{"a user, another", 1000, []int{1001, 1001}, false, false},
		{"a user, root", 1000, []int{0, 0}, true, false},
		{"a user, himself with CAP_KILL", 1000, []int{1000, 1000}, true, false},
		{"a user, a set-user-ID program", 1000, []int{1000, 0}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := asPowerful(tt.maker, tt.program, tt.capable); got != tt.want {
				t.Errorf("%t", got)
			}
		})
	}
}

func TestAroundCommand(t *testing.T) {
	for _, tt := range []struct {
		name    string
		init    target
		command stat
		ok      bool
	}{
		{"an init and its command", target{pid: 50, inner: 1}, stat{parent: 50}, true},
		{"the parent of another", target{pid: 50, inner: 1}, stat{parent: 51}, false},
		{"a parent that is no init", target{pid: 50, inner: 50}, stat{parent: 50}, false},
		{"the init of this namespace", target{pid: 1, inner: 1}, stat{parent: 1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := aroundCommand(tt.init, tt.command); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrNotHandle) {
				t.Errorf("%v", err)
			}
		})
	}
}
