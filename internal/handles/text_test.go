package handles

import (
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const cat = "13927 (cat) R 13894 13894 6367 0 -1 4194304 102 0 0 0 0 0 0 0 20 0 1 0 2142468 3133440 383 18446744073709551615 94130106081280 94130106101161 140734668277792 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 94130106117168 94130106118784 94130679951360 140734668286647 140734668286667 140734668286667 140734668287979 0\n"
	const start = 2142468 * 10 * time.Millisecond
	tests := []struct {
		name, text string
		want       process
	}{
		{"6.18", cat, process{pid: 13927, parent: 13894, name: "cat", start: start, uid: -1}},
		{"a name like a stat", "7 (x) R 1 (y)) S 3 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 4 0 100", process{pid: 7, parent: 3, name: "x) R 1 (y)", start: time.Second, uid: -1}},
		{"a zombie", "7 (x) Z 3 7 7 0 -1 4227084 0 0 0 0 0 0 0 0 20 0 1 0 100 0", process{pid: 7, parent: 3, name: "x", dead: true, start: time.Second, uid: -1}},
		{"its first thread has ended", "7 (x) Z 3 7 7 0 -1 4227084 0 0 0 0 0 0 0 0 20 0 2 0 100 0", process{pid: 7, parent: 3, name: "x", headless: true, start: time.Second, uid: -1}},
		{"kthreadd", "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 1 0 5 0 0", process{pid: 2, name: "kthreadd", kernel: true, start: 50 * time.Millisecond, uid: -1}},
	}
	for _, tt := range tests {
		got, err := parseStat([]byte(tt.text))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "7", "7 (x", ")(", "7 (x)", "7 (x) R 1 2 3", "x (x) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"} {
		if got, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	tests := []struct {
		text string
		uid  int
		pids []int
	}{
		{"Name:\tcat\nUmask:\t0022\nPid:\t7\nUid:\t1000\t0\t0\t0\nGid:\t5\t5\t5\t5\nNStgid:\t7\nNSpid:\t7\t3\t1\nNSpgid:\t9\n", 1000, []int{7, 3, 1}},
		{"Name:\tx\nUid:\t65534\t0\t0\t0\n", 65534, nil},
		{"Uid:\nNSpid:\n", -1, nil},
		{"Uid: x\nNSpid: y\n", -1, []int{-1}},
	}
	for _, tt := range tests {
		p := process{uid: -1}
		p.parseStatus([]byte(tt.text))
		if p.uid != tt.uid || !slices.Equal(p.pids, tt.pids) {
			t.Errorf("%q: uid %d, pids %v; want %d, %v", tt.text, p.uid, p.pids, tt.uid, tt.pids)
		}
	}
}

func TestParseLink(t *testing.T) {
	tests := []struct {
		link  string
		kind  kind
		inode uint64
	}{
		{"socket:[33177688]", socket, 33177688},
		{"anon_inode:[pidfd]", pidfd, 0},
		{"anon_inode:[eventpoll]", other, 0},
		{"pipe:[563]", other, 0},
		{"/tmp/socket:[7]", other, 0},
		{"socket:[x]", other, 0},
		{"", other, 0},
	}
	for _, tt := range tests {
		if kind, inode := parseLink(tt.link); kind != tt.kind || inode != tt.inode {
			t.Errorf("%q is of kind %d, inode %d", tt.link, kind, inode)
		}
	}
}

func TestParseFdinfo(t *testing.T) {
	tests := []struct {
		name, text string
		want       fdinfo
	}{
		{"a tripwire's handle, 6.18", "pos:\t0\nflags:\t02000002\nmnt_id:\t10\nino:\t33177688\nscm_fds: 5\n", fdinfo{inode: 33177688, inFlight: 5}},
		{"an observer, 6.18", "pos:\t0\nflags:\t02004002\nmnt_id:\t5\nino:\t7\nPid:\t13\nNSpid:\t13\n", fdinfo{inode: 7, pid: 13}},
		{"a native handle, 7.3", "pos:\t0\nflags:\t02001002\nmnt_id:\t8\nino:\t4166\nPid:\t149\nNSpid:\t149\n", fdinfo{autokill: true, inode: 4166, pid: 149}},
		{"a native handle of an init, 7.3", "pos:\t0\nflags:\t02001002\nmnt_id:\t8\nino:\t80\nPid:\t150\nNSpid:\t150\t1\n", fdinfo{autokill: true, inode: 80, pid: 150}},
		{"a file that was opened with O_TRUNC", "pos:\t0\nflags:\t0101001\nmnt_id:\t24\nino:\t3\n", fdinfo{inode: 3}},
		{"of the future", "pos:\t0\nflags:\t01000\nwhat: ever\nscm_fds: many\n\nPid: none\n: \n", fdinfo{}},
		{"nothing", "", fdinfo{}},
	}
	for _, tt := range tests {
		if got := parseFdinfo([]byte(tt.text)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestParseSockets(t *testing.T) {
	const heading = "Num       RefCount Protocol Flags    Type St Inode Path\n"
	tests := []struct {
		name, text string
		want       map[uint64]unixSocket
	}{
		{
			"6.18", heading +
				"00000000b9dbe712: 00000003 00000000 00000000 0001 03   563\n" +
				"0000000078c9150e: 00000002 00000000 00000000 0005 03 33177688 @autokill/1/process/4711/0/1\n" +
				"0000000078c9150f: 00000002 00000000 00010000 0001 01 12 /run/a socket\n",
			map[uint64]unixSocket{563: {}, 33177688: {true, "@autokill/1/process/4711/0/1"}, 12: {false, "/run/a socket"}},
		},
		{
			"5.10, the address is hidden", heading + "0000000000000000: 00000002 00000000 00000000 0005 03 15028\n",
			map[uint64]unixSocket{15028: {seqpacket: true}},
		},
		{
			"a name with a newline forges a line", heading +
				"a: 00000002 00000000 00000000 0005 03 77 @mine\n" +
				"b: 00000002 00000000 00000000 0005 03 78 @x\n" +
				"c: 00000002 00000000 00000000 0005 03 77 @autokill/1/process/1/0/1\n",
			map[uint64]unixSocket{77: {seqpacket: true}, 78: {true, "@x"}},
		},
		{
			"the kernel tells one twice", heading +
				"a: 00000002 00000000 00000000 0005 03 77 @mine\n" +
				"a: 00000002 00000000 00000000 0005 03 77 @mine\n",
			map[uint64]unixSocket{77: {true, "@mine"}},
		},
		{"nothing", "", map[uint64]unixSocket{}},
		{"junk", "\n\n: \na b c d e f g h\na b c d e f 0\na b c d e f -1", map[uint64]unixSocket{}},
	}
	for _, tt := range tests {
		got := map[uint64]unixSocket{}
		parseSockets([]byte(tt.text), got)
		if !maps.Equal(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// FuzzTexts: whatever /proc says, nothing panics, and what is not told is not made up.
func FuzzTexts(f *testing.F) {
	f.Add([]byte("7 (x) R 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 4 0 100"))
	f.Add([]byte("pos:\t0\nflags:\t02001002\nino:\t7\nPid:\t13\nscm_fds: 5\n"))
	f.Add([]byte("a: 2 0 0 0005 03 77 @autokill/1/process/4711/0/1\n"))
	f.Add([]byte("Uid:\t0\nNSpid:\t7\t1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parseStat(text)
		if err != nil {
			p = process{}
		}
		p.parseStatus(text)
		info := parseFdinfo(text)
		kind, inode := parseLink(string(text))
		if kind != socket && inode != 0 {
			t.Errorf("inode %d of kind %d", inode, kind)
		}
		o := observation{
			processes:   map[int]process{p.pid: p},
			sockets:     map[uint64]unixSocket{},
			descriptors: []descriptor{{holder: p.pid, fd: 3, kind: pidfd, fdinfo: info}, {holder: p.pid, fd: 4, kind: socket, fdinfo: info}},
			namespaceOf: func(int) uint64 { return 0 },
		}
		parseSockets(text, o.sockets)
		for _, h := range o.sight().Handles {
			if h.Child == nil && h.Scope != "" && h.Mechanism == Native {
				t.Errorf("%+v has a scope and no child", h)
			}
		}
	})
}
