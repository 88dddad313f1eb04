//go:build linux && (amd64 || arm64)

package clone

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCopiesTable(t *testing.T) {
	tests := []struct {
		name string
		r    Request
		want error
	}{
		{"no file", Request{Files: []int{Null, -1}}, nil},
		{"files in the first word", Request{Files: []int{0, 63, 5}}, nil},
		{"a file behind it", Request{Files: []int{0, 64}}, errFar},
		{"maps are written while the child waits", Request{Maps: new(IDMaps)}, errGate},
		{"processes between", Request{Ancestors: []*Task{{}}}, errAncestors},
	}
	for _, tt := range tests {
		if got := tt.r.copiesTable(true); !errors.Is(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if got := new(Request).copiesTable(false); !errors.Is(got, errCut) {
		t.Errorf("a kernel that cuts badly: %v", got)
	}
	for release, want := range map[string]bool{
		"5.10.0-30-amd64": false, "6.10.9": false, "6.11.0": true, "6.18.44-fc": true, "7.3.4+deb13-cloud-amd64": true, "": false, "x": false,
	} {
		if got := cutsWell(release); got != want {
			t.Errorf("release %q: %v, want %v", release, got, want)
		}
	}
}

func TestCompileShared(t *testing.T) {
	tests := []struct {
		files []int
		from  int // the first number that the child does not get
	}{
		{nil, 0},
		{[]int{Null, Null, Null}, 0},
		{[]int{-1, 1, 2}, 3},
		{[]int{Null, 9, 9}, 10},
	}
	for _, tt := range tests {
		r := &Request{Path: "/x", Argv: []string{"x"}, Files: tt.files, Shared: true, Prologue: []Step{{Name: "arm"}}, Setsid: true}
		steps, err := compile(r, noGate, new(uint64), nil, new(memory), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := names(steps)[:3], []string{"arm", "setsid", "close_range(CLOSE_RANGE_UNSHARE)"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := int(steps[2].Args[0].n); got != tt.from {
			t.Errorf("files %v: given up from %d on, want %d", tt.files, got, tt.from)
		}
	}
}

// opening is a request whose child opens a pipe in the caller's table and closes it, with
// steps between.
func opening(stdout *os.File, between ...Step) *Request {
	ends := &[2]int32{-1, -1}
	r := sh("ls /proc/self/fd", stdout)
	r.Shared, r.Opened = true, []*int32{&ends[0], &ends[1]}
	r.Prologue = []Step{{Name: "pipe2", Nr: unix.SYS_PIPE2, Args: [6]Arg{Addr(&ends[0]), Int(unix.O_CLOEXEC)}}}
	r.Prologue = append(r.Prologue, between...)
	for _, fd := range r.Opened {
		r.Prologue = append(r.Prologue, Step{Name: "close", Nr: unix.SYS_CLOSE, Args: [6]Arg{Load(fd)}})
	}
	return r
}

// TestSharedTable: whatever becomes of the child, the caller has the descriptors that it had.
func TestSharedTable(t *testing.T) {
	leak, err := unix.Dup(1) // would be inherited
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	self := new(Self)
	tests := []struct {
		name    string
		between []Step
		want    error
	}{
		{"done", nil, nil},
		{"given up", []Step{{Name: "fail", Nr: unix.SYS_CLOSE, Args: [6]Arg{Int(-1)}}}, unix.EBADF},
		{"killed", []Step{{Name: "kill", Nr: unix.SYS_KILL, Args: [6]Arg{Load(&self.Pid), Int(int(unix.SIGKILL))}}}, ErrNotStarted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			before := openDescriptors(t)
			req := opening(w, tt.between...)
			req.Self = self
			c, err := req.Start()
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err == nil {
				defer reap(t, c)
				before++ // its pidfd
			}
			if after := openDescriptors(t); after != before {
				t.Errorf("%d descriptors, were %d", after, before)
			}
			w.Close()
			out, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == nil && strings.Join(strings.Fields(string(out)), " ") != "0 1 2" {
				t.Errorf("the child has descriptors %q", out)
			}
		})
	}
}

// TestSharedTableInUse: other threads open and close files all the time, and none of these is
// touched.
func TestSharedTableInUse(t *testing.T) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				r, w, err := os.Pipe()
				if err != nil {
					t.Error(err)
					return
				}
				_, writeErr := w.WriteString("whole")
				errs := errors.Join(writeErr, w.Close())
				got, readErr := io.ReadAll(r)
				if errs = errors.Join(errs, readErr, r.Close()); errs != nil || string(got) != "whole" {
					t.Errorf("%q, %v", got, errs)
					return
				}
			}
		})
	}
	for range 100 {
		r := opening(os.Stderr)
		r.Path, r.Argv, r.Files = "/bin/true", []string{"true"}, []int{Null, Null, Null}
		c, err := r.Start()
		if err != nil {
			t.Fatal(err)
		}
		if status := reap(t, c); status.ExitStatus() != 0 {
			t.Errorf("status %#x", status)
		}
	}
	stop.Store(true)
	wg.Wait()
}
