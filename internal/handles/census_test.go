package handles

import (
	"reflect"
	"testing"
	"time"
)

// A world has a holder, 10, and children of it, at 100 seconds after the boot.
func world() observation {
	at := func(pid, parent int, start time.Duration, pids ...int) process {
		return process{pid: pid, parent: parent, name: "p", start: start * time.Second, uid: 1000, pids: append([]int{pid}, pids...)}
	}
	o := observation{
		now: 100 * time.Second, namespace: 1, processes: map[int]process{}, sockets: map[uint64]unixSocket{},
		namespaceOf: func(pid int) uint64 {
			if pid == 31 {
				return 2
			}
			return 1
		},
	}
	for _, p := range []process{
		at(10, 1, 1), at(20, 10, 90), at(21, 20, 91),
		at(30, 10, 90), at(31, 30, 91, 1), at(32, 31, 92, 2), at(33, 31, 93, 3), // a monitor, its init, the command, an orphan
	} {
		o.processes[p.pid] = p
	}
	return o
}

func seconds(n time.Duration) *time.Duration {
	n *= time.Second
	return &n
}

func TestSight(t *testing.T) {
	p := func(pid int) *Process { return &Process{PID: pid, UID: 1000, Command: "p"} }
	us := []Holder{{Process: *p(10), Descriptors: []int{3}}}
	native := func(pid int) descriptor {
		return descriptor{holder: 10, fd: 3, kind: pidfd, fdinfo: fdinfo{autokill: true, inode: 5, pid: pid}}
	}
	holding := func(inFlight int) descriptor {
		return descriptor{holder: 10, fd: 3, kind: socket, fdinfo: fdinfo{inode: 7, inFlight: inFlight}}
	}
	named := func(name string) map[uint64]unixSocket {
		return map[uint64]unixSocket{7: {seqpacket: true, name: name}}
	}
	tests := []struct {
		name    string
		d       []descriptor
		sockets map[uint64]unixSocket
		handles []Handle
		flights []Flight
	}{
		{"native", []descriptor{native(20)}, nil, []Handle{{Native, scopeProcess, p(20), false, seconds(10), us}}, nil},
		{"native pidns", []descriptor{native(31)}, nil, []Handle{{Native, scopePIDNS, p(32), false, seconds(8), us}}, nil},
		{"native, ended", []descriptor{native(-1)}, nil, []Handle{{Native, "", nil, true, nil, us}}, nil},
		{"native, in no namespace of ours", []descriptor{native(0)}, nil, []Handle{{Native, "", nil, false, nil, us}}, nil},
		{"native, not shown", []descriptor{native(99)}, nil, []Handle{{Native, "", &Process{PID: 99, UID: -1}, false, nil, us}}, nil},
		{"an observer", []descriptor{{holder: 10, fd: 3, kind: pidfd, fdinfo: fdinfo{inode: 5, pid: 20}}}, nil, nil, nil},

		{"tripwire", []descriptor{holding(5)}, named("@autokill/1/tree/20/1/95000000000"), []Handle{{Tripwire, "tree", p(20), false, seconds(10), us}}, nil},
		{"tripwire pidns", []descriptor{holding(7)}, named("@autokill/1/pidns/30/1/95000000000"), []Handle{{Tripwire, scopePIDNS, p(32), false, seconds(8), us}}, nil},
		{
			"tripwire, its pid is another's now",
			[]descriptor{holding(5)},
			named("@autokill/1/tree/20/1/80000000000"),
			[]Handle{{Tripwire, "tree", &Process{PID: 20, UID: -1}, true, seconds(20), us}},
			nil,
		},
		{
			"tripwire, ended",
			[]descriptor{holding(5)},
			named("@autokill/1/tree/99/1/80000000000"),
			[]Handle{{Tripwire, "tree", &Process{PID: 99, UID: -1}, true, seconds(20), us}},
			nil,
		},
		{"tripwire of a container", []descriptor{holding(5)}, named("@autokill/1/process/1/2/95000000000"), []Handle{{Tripwire, scopeProcess, p(31), false, seconds(9), us}}, nil},
		{"tripwire of a container that is not seen", []descriptor{holding(5)}, named("@autokill/1/process/1/3/95000000000"), []Handle{{Tripwire, scopeProcess, nil, false, seconds(5), us}}, nil},
		{"tripwire, made without /proc", []descriptor{holding(5)}, named("@autokill/1/process/1/0/95000000000"), []Handle{{Tripwire, scopeProcess, nil, false, seconds(5), us}}, nil},
		{"tripwire, its pidfd was taken", []descriptor{holding(4)}, named("@autokill/1/tree/20/1/95000000000"), []Handle{{Tripwire, "tree", p(20), false, seconds(10), us}}, nil},
		{"tripwire without a name", []descriptor{holding(5)}, named(""), []Handle{{Tripwire, "", nil, false, nil, us}}, nil},
		{"a file of that name", []descriptor{holding(5)}, named("autokill/1/tree/20/1/95000000000"), []Handle{{Tripwire, "", nil, false, nil, us}}, nil},
		{"tripwire in flight", nil, named("@autokill/1/tree/20/1/95000000000"), []Handle{{Tripwire, "tree", p(20), false, seconds(10), nil}}, nil},
		{"the name of a handle, and no parcel", []descriptor{holding(0)}, named("@autokill/1/tree/20/1/95000000000"), nil, nil},
		{"another socket", []descriptor{holding(2)}, named(""), nil, []Flight{{2, us}}},
		{"another type", []descriptor{holding(5)}, map[uint64]unixSocket{7: {name: "@autokill/1/tree/20/1/95000000000"}}, nil, []Flight{{5, us}}},
		{
			"held twice, and by a grandchild",
			[]descriptor{holding(5), {holder: 10, fd: 2, kind: socket, fdinfo: fdinfo{inode: 7, inFlight: 5}}, {holder: 21, fd: 9, kind: socket, fdinfo: fdinfo{inode: 7, inFlight: 5}}},
			named("@autokill/1/process/20/1/95000000000"),
			[]Handle{{Tripwire, scopeProcess, p(20), false, seconds(10), []Holder{
				{Process: *p(10), Descriptors: []int{2, 3}}, {Process: *p(21), Descriptors: []int{9}, Below: 20},
			}}},
			nil,
		},
	}
	for _, tt := range tests {
		o := world()
		o.descriptors = tt.d
		if tt.sockets != nil {
			o.sockets = tt.sockets
		}
		got := o.sight()
		if !reflect.DeepEqual(got.Handles, tt.handles) || !reflect.DeepEqual(got.Flights, tt.flights) {
			t.Errorf("%s:\n got %+v\nwant %+v, %+v", tt.name, got, tt.handles, tt.flights)
			for _, h := range got.Handles {
				t.Logf("child %+v, age %v", h.Child, h.Age)
			}
		}
	}
}

// TestHiddenEnd: where processes are hidden, one that is not shown has not ended.
func TestHiddenEnd(t *testing.T) {
	o := world()
	o.sockets[7] = unixSocket{true, "@autokill/1/tree/99/1/95000000000"}
	o.hidden = true
	s := o.sight()
	if len(s.Handles) != 1 || s.Handles[0].Ended || s.Handles[0].Child.PID != 99 || s.Complete() {
		t.Errorf("%+v", s)
	}
}

// TestCircle: parents that were read one after the other can be each other's.
func TestCircle(t *testing.T) {
	o := world()
	o.processes[10] = process{pid: 10, parent: 11}
	o.processes[11] = process{pid: 11, parent: 10}
	o.descriptors = []descriptor{{holder: 10, fd: 3, kind: pidfd, fdinfo: fdinfo{autokill: true, inode: 5, pid: 20}}}
	if s := o.sight(); len(s.Handles) != 1 || s.Handles[0].Holders[0].Below != 0 {
		t.Errorf("%+v", s)
	}
}
