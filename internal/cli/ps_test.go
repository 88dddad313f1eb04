package cli

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/autokill/autokill/internal/handles"
)

func old(d time.Duration) *time.Duration { return &d }

// aSight has everything that the views tell apart.
func aSight() handles.Sight {
	process := func(pid int, command string) handles.Process {
		return handles.Process{PID: pid, UID: 1000, Command: command}
	}
	child := func(pid int, command string) *handles.Process {
		p := process(pid, command)
		return &p
	}
	held := func(below int, p handles.Process, fds ...int) handles.Holder {
		return handles.Holder{Process: p, Descriptors: fds, Below: below}
	}
	daemon, worker, shell := process(10, "daemon --all"), process(25, "worker"), process(30, "sh")
	return handles.Sight{
		Handles: []handles.Handle{
			{Mechanism: "native", Scope: "process", Child: child(20, "sleep 1000"), Age: old(59 * time.Second), Holders: []handles.Holder{held(0, daemon, 3), held(0, shell, 4, 5)}},
			{Mechanism: "tripwire", Scope: "tree", Child: child(21, "make\x1b[2J all"), Age: old(61 * time.Minute), Holders: []handles.Holder{held(0, daemon, 7)}},
			{Mechanism: "tripwire", Scope: "pidns", Child: child(26, "cat"), Age: old(49 * time.Hour), Holders: []handles.Holder{held(21, worker, 3)}},
			{Mechanism: "tripwire", Scope: "process", Child: &handles.Process{PID: 27, UID: -1}, Ended: true, Age: old(time.Minute), Holders: []handles.Holder{held(0, daemon, 8)}},
			{Mechanism: "tripwire", Scope: "process", Child: child(28, "lost"), Age: old(1234567890)},
			{Mechanism: "native", Ended: true, Holders: []handles.Holder{held(0, shell, 6)}},
			{Mechanism: "tripwire", Holders: []handles.Holder{held(0, daemon, 9)}},
		},
		Flights: []handles.Flight{{Descriptors: 2, Holders: []handles.Holder{held(0, daemon, 11)}}},
	}
}

func TestPsTable(t *testing.T) {
	const want = `CHILD  SCOPE    MECHANISM  AGE  HELD BY      COMMAND
20     process  native     59s  10:3 30:4,5  sleep 1000
21     tree     tripwire   1h   10:7         make?[2J all
26     pidns    tripwire   2d   25:3         cat
-      process  tripwire   1m   10:8         (27 has ended)
28     process  tripwire   1s   in flight    lost
-      ?        native     ?    30:6         (has ended)
?      ?        tripwire   ?    10:9         
`
	if got := table(aSight()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPsTree(t *testing.T) {
	const want = `10 daemon --all
├─ 20 process, native, 59s: sleep 1000
├─ 21 tree, tripwire, 1h: make?[2J all
│  └─ 25 worker
│     └─ 26 pidns, tripwire, 2d: cat
├─ - process, tripwire, 1m: (27 has ended)
└─ ? ?, tripwire, ?
30 sh
├─ 20 process, native, 59s: sleep 1000
└─ - ?, native, ?: (has ended)
in flight
└─ 28 process, tripwire, 1s: lost
`
	if got := tree(aSight()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestPsCircle: two children that hold each other's handles.
func TestPsCircle(t *testing.T) {
	handle := func(child, holder int) handles.Handle {
		return handles.Handle{
			Mechanism: "native", Scope: "process", Child: &handles.Process{PID: child, Command: "c"}, Age: old(0),
			Holders: []handles.Holder{{Process: handles.Process{PID: holder, Command: "c"}, Descriptors: []int{3}, Below: holder}},
		}
	}
	const want = `20 c
└─ 21 process, native, 0s: c
   └─ 20 process, native, 0s: c
`
	if got := tree(handles.Sight{Handles: []handles.Handle{handle(20, 21), handle(21, 20)}}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPsNotes(t *testing.T) {
	s := aSight()
	s.Unseen, s.Hidden = 3, true
	const want = `in the queue of a socket of 10:11: 2 descriptors, of which some may be handles
not seen: what 3 processes of others hold; be root to see it
not seen: processes that /proc hides (hidepid)
`
	if got := notes(s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := holdersColumn(s, s.Handles[4]); got != "nobody seen" {
		t.Errorf("not everybody was seen, so it is not known to be in flight: %q", got)
	}
}

func TestPsJSON(t *testing.T) {
	print := func(s handles.Sight) string {
		t.Helper()
		var b, compact bytes.Buffer
		if err := printSight(&b, s); err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&compact, b.Bytes()); err != nil {
			t.Fatal(err)
		}
		return compact.String()
	}
	if got, want := print(handles.Sight{}), `{"handles":[],"flights":[],"unseen":0,"hidden":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s := aSight()
	s.Handles = s.Handles[3:6]
	const want = `{"handles":[` +
		`{"mechanism":"tripwire","scope":"process","child":{"pid":27,"uid":null,"command":""},"ended":true,"age":60,` +
		`"holders":[{"pid":10,"uid":1000,"command":"daemon --all","descriptors":[8]}],"in_flight":null},` +
		`{"mechanism":"tripwire","scope":"process","child":{"pid":28,"uid":1000,"command":"lost"},"ended":false,"age":1.23,"holders":[],"in_flight":true},` +
		`{"mechanism":"native","scope":null,"child":null,"ended":true,"age":null,` +
		`"holders":[{"pid":30,"uid":1000,"command":"sh","descriptors":[6]}],"in_flight":null}],` +
		`"flights":[{"descriptors":2,"holders":[{"pid":10,"uid":1000,"command":"daemon --all","descriptors":[11]}]}],` +
		`"unseen":0,"hidden":false}`
	if got := print(s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	s.Unseen = 1
	if got := print(s); bytes.Contains([]byte(got), []byte(`"in_flight":true`)) {
		t.Errorf("not everybody was seen, so it is not known to be in flight: %s", got)
	}
}
