//go:build linux && (amd64 || arm64)

package bond

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// askForPidfds sets SO_PASSPIDFD, as whoever shares a handle can.
func askForPidfds(t *testing.T, handle *os.File) {
	t.Helper()
	err := unix.SetsockoptInt(int(handle.Fd()), unix.SOL_SOCKET, unix.SO_PASSPIDFD, 1)
	if errors.Is(err, unix.ENOPROTOOPT) {
		t.Skip("this kernel has no SO_PASSPIDFD (6.5)")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAdoptDespitePassPidfd: who sends what he calls a handle can have the kernel put a pidfd
// into the table of whoever looks at it. It does not stay there, and counts for nothing.
func TestAdoptDespitePassPidfd(t *testing.T) {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	null := reopened(t, "/dev/null")
	defer null.Close()
	file := int(null.Fd())
	describe := queued{description(ScopeProcess, os.Getpid()), []int{pidfd}}
	for _, tt := range []struct {
		name     string
		messages []queued
		handle   bool
	}{
		{"a handle", []queued{describe, {appendHeader(nil, ScopeProcess), []int{file, file, file, file}}}, true},
		{"no pidfd but that", []queued{{describe.text, nil}, {appendHeader(nil, ScopeProcess), []int{file, file, file, file, file}}}, false},
		{"a file for a pidfd", []queued{{describe.text, []int{file}}, {appendHeader(nil, ScopeProcess), []int{file, file, file, file}}}, false},
		{"two pidfds", []queued{{describe.text, []int{pidfd, pidfd}}, {appendHeader(nil, ScopeProcess), []int{file, file, file}}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			handle := pretend(t, true, tt.messages...)
			defer handle.Close()
			askForPidfds(t, handle)
			before := openFiles(t)
			child, err := Adopt(handle)
			switch {
			case tt.handle && err == nil:
				_ = child.Observer.Close() // the handle is the test's to close
			case tt.handle:
				t.Error(err)
			case !errors.Is(err, ErrNotHandle):
				t.Errorf("%v, %v", child, err)
			}
			if after := openFiles(t); !slices.Equal(before, after) {
				t.Errorf("open before %v, after %v", before, after)
			}
		})
	}
}

// TestParsePidfd: a pidfd that the kernel adds is none of those that were sent.
func TestParsePidfd(t *testing.T) {
	added := func(fd int) []byte {
		control := unix.UnixRights(fd)
		binary.NativeEndian.PutUint32(control[12:], unix.SCM_PIDFD) // struct cmsghdr
		return control
	}
	for _, tt := range []struct {
		name           string
		control        []byte
		files, unasked []int
	}{
		{"rights", unix.UnixRights(5, 6), []int{5, 6}, nil},
		{"rights and a pidfd", append(unix.UnixRights(5, 6), added(7)...), []int{5, 6}, []int{7}},
		{"a pidfd alone", added(7), nil, []int{7}},
		{"an errno for a pidfd", append(unix.UnixRights(5), added(-24)...), []int{5}, nil},
	} {
		m, err := parseMessage(nil, bytes.Clone(tt.control))
		if err != nil || !slices.Equal(m.files, tt.files) || !slices.Equal(m.unasked, tt.unasked) {
			t.Errorf("%s: %v and %v, %v", tt.name, m.files, m.unasked, err)
		}
	}
}
