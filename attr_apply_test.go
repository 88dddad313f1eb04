//go:build linux && (amd64 || arm64)

package autokill

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
)

type attr = syscall.SysProcAttr

// TestApplyRefuses: what cannot be done is named.
func TestApplyRefuses(t *testing.T) {
	for _, tt := range []struct {
		sys  attr
		want error
		says string
	}{
		{attr{Cloneflags: unix.CLONE_THREAD}, syscall.EINVAL, "SysProcAttr.Cloneflags: CLONE_THREAD"},
		{attr{Cloneflags: unix.CLONE_PARENT}, syscall.EINVAL, "SysProcAttr.Cloneflags: CLONE_PARENT"},
		{attr{Cloneflags: unix.CLONE_FILES}, syscall.EINVAL, "SysProcAttr.Cloneflags: CLONE_FILES"},
		{attr{Cloneflags: uintptr(unix.SIGCHLD)}, syscall.EINVAL, "SysProcAttr.Cloneflags: exit signal 17"},
		{attr{Cloneflags: unix.CLONE_PIDFD}, syscall.EINVAL, "SysProcAttr.Cloneflags: 0x1000"},
		{attr{Cloneflags: unix.CLONE_SIGHAND}, syscall.EINVAL, "SysProcAttr.Cloneflags: 0x800"},
		{attr{Unshareflags: unix.CLONE_VM}, syscall.EINVAL, "SysProcAttr.Unshareflags: 0x100"},
		{attr{UidMappings: []syscall.SysProcIDMap{{}}}, syscall.EINVAL, "CLONE_NEWUSER"},
		{attr{GidMappings: []syscall.SysProcIDMap{{}}, Cloneflags: unix.CLONE_NEWNS}, syscall.EINVAL, "CLONE_NEWUSER"},
		{attr{Setsid: true, Setpgid: true}, syscall.EPERM, "SysProcAttr.Setsid"},
		{attr{Setsid: true, Foreground: true}, syscall.EPERM, "SysProcAttr.Setsid"},
		{attr{Setctty: true, Foreground: true}, syscall.EINVAL, "SysProcAttr.Setctty"},
		{attr{Setctty: true, Ctty: 3}, syscall.EINVAL, "SysProcAttr.Setctty: Ctty 3"},
		{attr{Setctty: true, Ctty: -1}, syscall.EINVAL, "SysProcAttr.Setctty: Ctty -1"},
		{attr{AmbientCaps: []uintptr{64}}, syscall.EINVAL, "SysProcAttr.AmbientCaps: there is no capability 64"},
	} {
		err := apply(&tt.sys, &clone.Request{Files: []int{0, 1, 2}}, new(bond.Wish), 1000)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: got %v, want %v that says %q", tt.sys, err, tt.want, tt.says)
		}
	}
}

// TestApplyWish: what the choice of a mechanism depends on. The caller is user 1000.
func TestApplyWish(t *testing.T) {
	ids := func(outside, size int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: outside, Size: size}}
	}
	const user = unix.CLONE_NEWUSER
	for _, tt := range []struct {
		name string
		sys  attr
		want bond.Wish
	}{
		{"nothing", attr{}, bond.Wish{}},
		{"init of a PID namespace", attr{Cloneflags: unix.CLONE_NEWPID}, bond.Wish{NewPIDNS: true}},
		{"its children in one", attr{Unshareflags: unix.CLONE_NEWPID}, bond.Wish{UnsharePIDNS: true}},
		{"a group of its own", attr{Setpgid: true}, bond.Wish{}},
		{"another group", attr{Setpgid: true, Pgid: 5}, bond.Wish{OtherGroup: true}},
		{"traced", attr{Ptrace: true}, bond.Wish{Ptrace: true}},
		{"same user", attr{Credential: &syscall.Credential{Uid: 1000}}, bond.Wish{}},
		{"another user", attr{Credential: &syscall.Credential{Uid: 1001}}, bond.Wish{OtherUID: true}},
		{"itself in a namespace", attr{Cloneflags: user, UidMappings: ids(1000, 1)}, bond.Wish{}},
		{"itself, as root of it", attr{Cloneflags: user, UidMappings: ids(1000, 1), Credential: &syscall.Credential{}}, bond.Wish{}},
		{"somebody else in it", attr{Cloneflags: user, UidMappings: ids(1001, 1)}, bond.Wish{OtherUID: true}},
		{"many in it", attr{Unshareflags: user, UidMappings: ids(1000, 2)}, bond.Wish{OtherUID: true}},
		{"the right to become another user", attr{AmbientCaps: []uintptr{unix.CAP_SETUID}}, bond.Wish{Setuid: true}},
		{"another right", attr{AmbientCaps: []uintptr{unix.CAP_SETGID}}, bond.Wish{}},
		{
			"that right in a namespace that has nobody else",
			attr{Cloneflags: user, UidMappings: ids(1000, 1), AmbientCaps: []uintptr{unix.CAP_SETUID}},
			bond.Wish{},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got bond.Wish
			if err := apply(&tt.sys, &clone.Request{}, &got, 1000); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
