package model

import (
	"slices"
	"testing"
)

// Numbers in the tests: holders 1 and 2, child 10, references from 20 on, queue 30.
func start(ref int) Event { return Event{Kind: Start, Holder: 1, Child: 10, New: ref} }

func TestFate(t *testing.T) {
	native, tripwire := Bond{Mechanism: Native}, Bond{Mechanism: Tripwire}
	tree, inside := Bond{Mechanism: Tripwire, Scope: Tree}, Bond{Mechanism: Tripwire, Scope: PIDNamespace}
	attached, group := Bond{Mechanism: Tripwire, Attached: true}, Bond{Mechanism: Tripwire, Scope: Group, Attached: true}
	everywhere := attached
	everywhere.Everywhere = true
	kill := Event{Kind: Kill, Holder: 1}
	family := []Event{start(20), {Kind: Spawn, Child: 10}, {Kind: Leave, Child: 10, Member: 1}}
	bound := []Event{{Kind: Bystander, Child: 10}, {Kind: Spawn, Child: 10}, {Kind: Attach, Holder: 1, Child: 10, New: 20}}
	then := func(before []Event, more ...Event) []Event { return append(slices.Clone(before), more...) }

	tests := []struct {
		name   string
		bond   Bond
		events []Event
		member int
		want   Fates
	}{
		{"started", native, []Event{start(20)}, 0, Lives},
		{"the holder is killed", native, []Event{start(20), kill}, 0, Dies},
		{"Close", tripwire, []Event{start(20), {Kind: Close, Ref: 20}}, 0, Dies},
		{"a copy keeps", native, []Event{start(20), {Kind: Share, Ref: 20, New: 21}, {Kind: Close, Ref: 20}}, 0, Lives},
		{"the last one decides", native, []Event{start(20), {Kind: Share, Ref: 20, New: 21}, {Kind: Close, Ref: 20}, {Kind: Drop, Ref: 21}}, 0, Dies},
		{"a copy behind the library's back does not save from Close", native, []Event{start(20), {Kind: Copy, Ref: 20, New: 21, Holder: 1}, {Kind: Close, Ref: 20}}, 0, Dies},
		{"but from a crash", native, []Event{start(20), {Kind: Fork, Holder: 1, New: 100}, kill}, 0, Lives},
		{"of both", native, []Event{start(20), {Kind: Fork, Holder: 1, New: 100}, kill, {Kind: Kill, Holder: 100}}, 0, Dies},
		{"in flight", tripwire, []Event{start(20), {Kind: Send, Ref: 20, Queue: 30}, kill}, 0, Lives},
		{"nobody can receive it", tripwire, []Event{start(20), {Kind: Send, Ref: 20, Queue: 30}, kill, {Kind: Discard, Queue: 30}}, 0, Dies},
		{"received", tripwire, []Event{start(20), {Kind: Send, Ref: 20, Queue: 30}, kill, {Kind: Receive, Holder: 2, Queue: 30, New: 22}}, 0, Lives},
		{"the receiver closes", tripwire, []Event{start(20), {Kind: Send, Ref: 20, Queue: 30}, {Kind: Receive, Holder: 2, Queue: 30, New: 22}, {Kind: Close, Ref: 22}}, 0, Lives},
		{"exec", tripwire, []Event{start(20), {Kind: Exec, Holder: 1}}, 0, Dies},
		{"exec that keeps it", tripwire, []Event{start(20), {Kind: Inherit, Ref: 20}, {Kind: Exec, Holder: 1}}, 0, Lives},
		{"a second exec does not", tripwire, []Event{start(20), {Kind: Inherit, Ref: 20}, {Kind: Exec, Holder: 1}, {Kind: Exec, Holder: 1}}, 0, Dies},
		{"an observer goes", native, []Event{start(20), {Kind: Observe, Child: 10}}, 0, Lives},
		{"Close after Release", native, []Event{start(20), {Kind: Release, Ref: 20}, {Kind: Close, Ref: 20}}, 0, Lives},
		{"the end of a holder after Release", native, []Event{start(20), {Kind: Release, Ref: 20}, kill}, 0, Dies},
		{"killed in the start", native, []Event{{Kind: Cut, Holder: 1, Child: 10}}, 0, Dies},
		{"killed in the attach", attached, []Event{{Kind: Bystander, Child: 10}, {Kind: CutBind, Holder: 1, Child: 10}}, 0, Lives | Dies},

		{"native in an exec", native, []Event{start(20), {Kind: Racing, Child: 10}, kill}, 0, Lives | Dies},
		{"native after the exec", native, []Event{start(20), {Kind: Racing, Child: 10}, {Kind: Settled, Child: 10}, kill}, 0, Dies},
		{"native in an exec, orderly", native, []Event{start(20), {Kind: Racing, Child: 10}, {Kind: Close, Ref: 20}}, 0, Dies},
		{"tripwire in an exec", tripwire, []Event{start(20), {Kind: Racing, Child: 10}, kill}, 0, Dies},

		{"a descendant of a process", tripwire, then(family, kill), 1, Lives},
		{"a descendant in a tree", tree, then(family, kill), 1, Dies},
		{"a descendant in a namespace", inside, then(family, kill), 1, Dies},
		{"after the end of the child in a tree", tree, then(family, Event{Kind: End, Child: 10}), 1, Lives},
		{"after the end of the child in a namespace", inside, then(family, Event{Kind: End, Child: 10}), 1, Dies},
		{"a member of an attached group", group, then(bound, kill), 1, Dies},
		{"who has left an attached group", group, then(bound, Event{Kind: Leave, Child: 10, Member: 1}, kill), 1, Lives},
		{"another user in a tree", tree, then(family, Event{Kind: Become, Child: 10, Member: 1}, kill), 1, Dies},
		{"another user, attached", attached, then(bound, Event{Kind: Become, Child: 10}, kill), 0, Lives},
		{"another user, attached by root", everywhere, then(bound, Event{Kind: Become, Child: 10}, kill), 0, Dies},
		{"the first of two handles", attached, then(bound, Event{Kind: Attach, Holder: 2, Child: 10, New: 22}, kill), 0, Dies},
	}
	for _, tt := range tests {
		w := New(tt.bond)
		for _, e := range tt.events {
			if err := w.Happen(e); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if got := w.Fate(10, tt.member); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestImpossible(t *testing.T) {
	w := New(Bond{})
	if err := w.Happen(start(20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Happen(Event{Kind: Share, Ref: 20, New: 21}); err != nil {
		t.Fatal(err)
	}
	for _, e := range []Event{
		start(23), // the child is there
		{Kind: Start, Holder: 1, Child: 11, New: 20},
		{Kind: Attach, Holder: 1, Child: 12, New: 23},
		{Kind: Close, Ref: 99},
		{Kind: Close, Ref: 21}, // a file
		{Kind: Adopt, Ref: 20}, // a Process
		{Kind: Share, Ref: 20, New: 21},
		{Kind: Route, Queue: 30, To: 31},
		{Kind: Receive, Holder: 1, Queue: 30, New: 23},
		{Kind: End, Child: 99},
	} {
		if err := w.Happen(e); err == nil {
			t.Errorf("%v can happen", e)
		}
	}
	if got := w.Living(); !slices.Equal(got, []int{10}) {
		t.Errorf("living: %v", got)
	}
}

func TestAnswers(t *testing.T) {
	native, tripwire, tree := Bond{Mechanism: Native}, Bond{Mechanism: Tripwire}, Bond{Mechanism: Tripwire, Scope: Tree}
	inside := Bond{Mechanism: Tripwire, Scope: PIDNamespace}
	root := Holder{SysAdmin: true, Setuid: true, Everywhere: true}
	contained := Holder{SysAdmin: true, Setuid: true}
	user := Holder{}
	tests := []struct {
		bond   Bond
		holder Holder
		wish   Wish
		want   Answer
	}{
		{native, user, Wish{}, Starts},
		{tripwire, user, Wish{}, Starts},
		{Bond{Mechanism: Native, Scope: Tree}, root, Wish{}, Unsupported},
		{native, root, Wish{Thread: true}, Invalid},
		{tripwire, root, Wish{SharedFiles: true, NewPrivs: true}, Invalid},
		{native, user, Wish{NewPrivs: true}, NotPermitted},
		{tripwire, user, Wish{NewPrivs: true}, NotPermitted},
		{native, contained, Wish{NewPrivs: true}, Starts},
		{tripwire, contained, Wish{NewPrivs: true}, Unsupported},
		{tripwire, root, Wish{NewPrivs: true}, Starts},
		{inside, contained, Wish{NewPrivs: true}, Starts},
		{tripwire, root, Wish{OtherUser: true}, Starts},
		{tripwire, contained, Wish{OtherUser: true}, Unsupported},
		{native, contained, Wish{OtherUser: true}, Starts},
		{native, user, Wish{OtherUser: true}, NotPermitted},
		{inside, user, Wish{OtherUser: true}, Unsupported},
		{tripwire, root, Wish{Init: true}, Unsupported},
		{native, root, Wish{Init: true}, Starts},
		{native, user, Wish{Init: true}, NotPermitted},
		{tree, Holder{Sealed: true}, Wish{}, Unsupported},
		{tripwire, Holder{Sealed: true}, Wish{}, Starts},
		{native, Holder{Sealed: true}, Wish{}, Unsupported},
	}
	for _, tt := range tests {
		if got := tt.bond.Answers(tt.holder, tt.wish); got != tt.want {
			t.Errorf("%+v, %+v, %+v: %v, want %v", tt.bond, tt.holder, tt.wish, got, tt.want)
		}
	}
}

func TestAllowed(t *testing.T) {
	native, tripwire := Bond{Mechanism: Native}, Bond{Mechanism: Tripwire}
	inside, attached := Bond{Mechanism: Tripwire, Scope: PIDNamespace}, Bond{Mechanism: Tripwire, Attached: true}
	tests := []struct {
		asking Asking
		want   Answers
	}{
		{Asking{Bond: native, Exits: true, Stolen: true}, Known},
		{Asking{Bond: tripwire}, Known},
		{Asking{Bond: tripwire, Stolen: true}, Known | Unknown},
		{Asking{Bond: tripwire, Stolen: true, Exits: true}, Known},
		{Asking{Bond: inside, Stolen: true}, Known},
		{Asking{Bond: tripwire, Another: true}, Known},
		{Asking{Bond: tripwire, Another: true, Orphaned: true}, Unknown},
		{Asking{Bond: tripwire, Another: true, Orphaned: true, Exits: true}, Known | Unknown},
		{Asking{Bond: attached}, Known},
		{Asking{Bond: attached, Another: true}, Unknown},
		{Asking{Bond: attached, Another: true, Exits: true}, Known},
		{Asking{Bond: attached, Another: true, Exits: true, Unreaped: true}, Unknown},
	}
	for _, tt := range tests {
		if got := tt.asking.Allowed(); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.asking, got, tt.want)
		}
	}
}
