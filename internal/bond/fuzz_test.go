//go:build linux && (amd64 || arm64)

package bond

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzMessage: whatever a socket gives, nothing panics, and what is understood is what was
// written.
func FuzzMessage(f *testing.F) {
	rights := unix.UnixRights(5, 6)
	creds := unix.UnixCredentials(&unix.Ucred{Pid: 7, Uid: 8, Gid: 9})
	f.Add(description(ScopeProcess, 77), append(bytes.Clone(creds), rights...))
	f.Add(description(ScopePIDNamespace, 1), rights)
	f.Add(appendHeader(nil, ScopeTree), creds)
	f.Add([]byte("autokill"), rights[:len(rights)-5])
	f.Fuzz(func(t *testing.T, text, control []byte) {
		m, err := parseMessage(text, control)
		if err == nil && len(m.files)*4 > len(control) {
			t.Errorf("%d descriptors in %d bytes", len(m.files), len(control))
		}
		if s, err := parseHeader(text); err == nil && !bytes.HasPrefix(text, appendHeader(nil, s)) {
			t.Errorf("%q was read as the header of %v", text, s)
		}
		if s, pid, err := parseDescription(text); err == nil && !bytes.Equal(text, description(s, pid)) {
			t.Errorf("%q was read as %v, %d", text, s, pid)
		}
	})
}

// FuzzProc: of a process that cannot be read nobody knows the user.
func FuzzProc(f *testing.F) {
	f.Add([]byte("7 (x) R 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 4 0 100"))
	f.Add([]byte("Name:\tx\nUid:\t0\t1\t2\t3\nNSpid:\t7\t1\n"))
	f.Add([]byte("pos:\t0\nPid:\t13\nscm_fds: 5\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := parseStat(text); err == nil && len(s.state) == 0 {
			t.Errorf("%q has no state", text)
		}
		looked := target{pid: 7}
		if err := looked.parse(string(text)); err == nil && (looked.real < 0 || !bytes.Contains(text, []byte("Uid"))) {
			t.Errorf("%q is of user %d", text, looked.real)
		}
		if value := field(text, "Pid:"); !bytes.Equal(value, bytes.TrimSpace(value)) || bytes.ContainsRune(value, '\n') {
			t.Errorf("the field of %q is %q", text, value)
		}
	})
}
