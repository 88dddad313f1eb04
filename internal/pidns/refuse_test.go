//go:build linux && (amd64 || arm64)

package pidns

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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
		{"other namespaces", clone.Request{Flags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_INTO_CGROUP}, Options{Monitor: true, UserNamespace: true}, ""},
		{"one more PID namespace", clone.Request{Flags: unix.CLONE_NEWPID}, Options{}, "CLONE_NEWPID"},
		{"another user namespace", clone.Request{Flags: unix.CLONE_NEWUSER}, Options{}, "CLONE_NEWUSER"},
		{"a time namespace behind a monitor", clone.Request{Flags: unix.CLONE_NEWTIME}, Options{Monitor: true}, "CLONE_NEWTIME"},
		{"a time namespace", clone.Request{Flags: unix.CLONE_NEWTIME}, Options{}, ""},
		{"a tracer", clone.Request{Ptrace: true}, Options{}, "Ptrace"},
		{"shared with the caller", clone.Request{Flags: unix.CLONE_FS}, Options{}, "clone flags 0x200"},
		{"unshared by the command", clone.Request{Unshare: unix.CLONE_NEWPID | unix.CLONE_NEWNET}, Options{UserNamespace: true}, ""},
		{"traced", clone.Request{Ptrace: true}, Options{}, "Ptrace"},
		{"ambient capabilities", clone.Request{Ambient: []uintptr{1}}, Options{}, ""},
		{"ambient capabilities in a user namespace", clone.Request{Ambient: []uintptr{1}}, Options{UserNamespace: true}, "AmbientCaps"},
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
