package pidns

import (
	"errors"
	"strings"
	"testing"

	"github.com/autokill/autokill/internal/clone"
)

func TestRefuse(t *testing.T) {
	tests := []struct {
		name    string
		request clone.Request
		options Options
		says    string // nothing: it is accepted
	}{
		{"nothing special", clone.Request{}, Options{}, ""},
		{"other namespaces", clone.Request{Flags: 0x40000000 | 0x00020000}, Options{Monitor: true, UserNamespace: true}, ""},
		{"one more PID namespace", clone.Request{Flags: newPID}, Options{}, "CLONE_NEWPID"},
		{"another user namespace", clone.Request{Flags: newUser}, Options{}, "CLONE_NEWUSER"},
		{"a time namespace behind a monitor", clone.Request{Flags: newTime}, Options{Monitor: true}, "CLONE_NEWTIME"},
		{"a time namespace", clone.Request{Flags: newTime}, Options{}, ""},
		{"a tracer", clone.Request{Ptrace: true}, Options{}, "Ptrace"},
		{"a group of its own", clone.Request{Setpgid: true}, Options{}, ""},
		{"another's group", clone.Request{Setpgid: true, Pgid: 77}, Options{}, "process group 77"},
		{"groups", clone.Request{Credential: &clone.Credential{}}, Options{}, ""},
		{"groups in a user namespace", clone.Request{Credential: &clone.Credential{}}, Options{UserNamespace: true}, "NoSetGroups"},
		{"the same user", clone.Request{Credential: &clone.Credential{NoSetGroups: true}}, Options{UserNamespace: true}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := refuse(&tt.request, tt.options)
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want a refusal that says %s", err, tt.says)
			}
		})
	}
}
