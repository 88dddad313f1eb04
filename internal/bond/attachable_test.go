package bond

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestAttachable(t *testing.T) {
	const user, other, nobody = 1000, 1001, overflow
	plain := target{pid: 7, inner: 7, group: 5, real: user, saved: user}
	with := func(change func(*target)) target {
		changed := plain
		change(&changed)
		return changed
	}
	as := func(uids ...int) attacher { return attacher{pid: 50, group: 40, uids: uids} }
	root := attacher{pid: 50, group: 40, uids: []int{0, 0}, root: true}
	theirRoot := attacher{pid: 50, group: 40, uids: []int{0, 0}, ownNamespace: true}

	const kernel, init, elsewhere, denied = "thread of the kernel", "init of a PID namespace", "another user", "cannot be signalled"
	for _, tt := range []struct {
		name string
		target
		attacher
		refusal string
	}{
		{"one's own", plain, as(user, user), ""},
		{"by the effective uid", plain, as(other, user), ""},
		{"by the real uid", plain, as(user, other), ""},
		{"another's", plain, as(other, other), elsewhere},
		{"root's", with(func(t *target) { t.real, t.saved = 0, 0 }), as(user, user), elsewhere},
		{"a set-user-ID program of one's own", with(func(t *target) { t.saved = 0 }), as(user, user), ""},
		{"it has been another's", with(func(t *target) { t.real = other }), as(user, user), ""},
		{"anybody's, by root", with(func(t *target) { t.real, t.saved = other, other }), root, ""},
		{"another's, by root of a user namespace", plain, theirRoot, elsewhere},
		{"one's own, by root of a user namespace", with(func(t *target) { t.real, t.saved = 0, 0 }), theirRoot, ""},
		{"nobody's, by nobody", with(func(t *target) { t.real, t.saved = nobody, nobody }), as(nobody, nobody), ""},
		{
			"that of somebody without a number here",
			with(func(t *target) { t.real, t.saved = nobody, nobody }),
			attacher{pid: 50, uids: []int{nobody, nobody}, ownNamespace: true},
			elsewhere,
		},
		{"in a PID namespace", with(func(t *target) { t.inner = 2 }), as(user, user), ""},
		{"an init", with(func(t *target) { t.inner = 1 }), as(user, user), init},
		{"an init, by root", with(func(t *target) { t.inner = 1 }), root, init},
		{"of the kernel", with(func(t *target) { t.kthread = true }), root, kernel},
		{"a sandbox forbids it", with(func(t *target) { t.denied = syscall.EPERM }), as(user, user), denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, attachableAlone(tt.target, tt.attacher), tt.refusal)
			// The same goes for every member of a group.
			leader := plain
			leader.group = leader.pid
			if tt.reaches(leader) {
				refused(t, attachableGroup(leader, []target{leader, tt.target}, tt.attacher), tt.refusal)
			}
			leading := tt.target
			leading.group = leading.pid
			refused(t, attachableGroup(leading, nil, tt.attacher), tt.refusal)
		})
	}
	refused(t, attachableAlone(with(func(t *target) { t.pid = 50 }), as(user)), "this program")
	refused(t, attachableGroup(plain, nil, as(user)), "is in process group 5 and does not lead it")
	refused(t, attachableGroup(with(func(t *target) { t.pid, t.group = 40, 40 }), nil, as(user)), "the process group of this program")

	if err := attachableAlone(plain, as(other)); !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v is not EPERM", err)
	}
}

func refused(t *testing.T, err error, says string) {
	t.Helper()
	if (err == nil) != (says == "") {
		t.Errorf("got %v, want a refusal that says %q", err, says)
	}
	if err != nil && (!errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), says)) {
		t.Errorf("got %v, want errors.ErrUnsupported that says %q", err, says)
	}
}
