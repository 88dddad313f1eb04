package autokill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestHint(t *testing.T) {
	file, err := os.Stat(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	directory, err := os.Stat(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	exec := func(err error) error { return &fs.PathError{Op: "execve", Path: "/x", Err: err} }
	call := os.NewSyscallError
	tests := []struct {
		err  error
		info fs.FileInfo
		says string // empty: nothing is added
	}{
		{exec(syscall.ENOENT), nil, ""},
		{call("sendmsg", syscall.ENOSYS), nil, "a seccomp filter denies it"},
		{fmt.Errorf("%w: a filter denies it", call("sendmsg", syscall.ENOSYS)), nil, ""},
		{exec(syscall.ENOENT), file, "the interpreter that it names is not"},
		{exec(syscall.EACCES), file, ""},
		{exec(syscall.EACCES), directory, "it is a directory"},
		{exec(syscall.ENOEXEC), file, "start sh with the file"},
		{exec(syscall.E2BIG), file, "too large"},
		{&fs.PathError{Op: "chdir", Path: "/x", Err: syscall.ENOENT}, directory, ""},
		{call("clone3", syscall.EAGAIN), nil, "RLIMIT_NPROC"},
		{call("clone", syscall.EAGAIN), nil, "RLIMIT_NPROC"},
		{call("socketpair", syscall.EAGAIN), nil, ""},
		{call("pipe2", syscall.EMFILE), nil, "RLIMIT_NOFILE"},
		{call("pipe2", syscall.ENFILE), nil, "pipe-user-pages-hard"},
		{errors.New("anything else"), nil, ""},
	}
	for _, tt := range tests {
		stat := func(string) (fs.FileInfo, error) {
			if tt.info == nil {
				return nil, fs.ErrNotExist
			}
			return tt.info, nil
		}
		got := hint(tt.err, stat)
		if !errors.Is(got, tt.err) {
			t.Errorf("hint lost the error %v: %v", tt.err, got)
		}
		added := strings.TrimPrefix(got.Error(), tt.err.Error())
		if !strings.Contains(added, tt.says) || (tt.says == "") != (added == "") {
			t.Errorf("%v: added %q, want %q", tt.err, added, tt.says)
		}
	}
}
