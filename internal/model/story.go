package model

// Story is something that happens to a child and its family, and somebody to look at.
type Story struct {
	Name   string
	Member int // who is looked at: 0 is the child, 1 what it has started
	Events []Event
}

// Numbers in stories. The child has started one member of its family.
const (
	TheHolder = 1
	Another   = 2 // holder
	TheChild  = 1
	TheRef    = 1
	TheOther  = 2 // reference
	TheQueue  = 1
)

// Begin binds the child, and what it has started is in its scope where there is one.
func (b Bond) Begin() []Event {
	if b.Attached {
		return []Event{
			{Kind: Bystander, Child: TheChild},
			{Kind: Spawn, Child: TheChild, Member: 1},
			{Kind: Attach, Holder: TheHolder, Child: TheChild, New: TheRef},
		}
	}
	return []Event{
		{Kind: Start, Holder: TheHolder, Child: TheChild, New: TheRef},
		{Kind: Spawn, Child: TheChild, Member: 1},
	}
}

// What happens most in stories.
var (
	Killed  = Event{Kind: Kill, Holder: TheHolder}
	Closed  = Event{Kind: Close, Ref: TheRef}
	Sent    = Event{Kind: Send, Ref: TheRef, Queue: TheQueue}
	Gone    = Event{Kind: Discard, Queue: TheQueue}
	Arrived = Event{Kind: Receive, Holder: Another, Queue: TheQueue, New: TheOther}
	Shared  = Event{Kind: Share, Ref: TheRef, New: TheOther}
	Copied  = Event{Kind: Copy, Ref: TheRef, New: TheOther, Holder: Another}
	Lost    = Event{Kind: Drop, Ref: TheRef}
	Left    = Event{Kind: Leave, Child: TheChild, Member: 1}
	Ended   = Event{Kind: End, Child: TheChild}

	Becomes     = Event{Kind: Exec, Holder: TheHolder}
	Observed    = Event{Kind: Observe, Child: TheChild}
	OtherClosed = Event{Kind: Close, Ref: TheOther}
)

// Stories are those of docs/guarantees.md.
var Stories = []Story{
	{"the only holder closes", 0, []Event{Closed}},
	{"the only holder is killed, exits, panics", 0, []Event{Killed}},
	{"the only holder becomes another program", 0, []Event{Becomes}},
	{"it leaves the handle open for that", 0, []Event{{Kind: Inherit, Ref: TheRef}, Becomes}},
	{"the thread that has started the child ends", 0, []Event{{Kind: Thread, Holder: TheHolder}}},
	{"one of two references is closed", 0, []Event{Shared, Closed}},
	{"both are", 0, []Event{Shared, Closed, {Kind: Drop, Ref: TheOther}}},
	{"the holder has forked and ends", 0, []Event{{Kind: Fork, Holder: TheHolder, New: 100}, Killed}},
	{"the holder has sent the handle, which nobody has received, and ends", 0, []Event{Sent, Killed}},
	{"nobody can receive it any more", 0, []Event{Sent, Killed, Gone}},
	{"the receiver has it, and the sender ends", 0, []Event{Sent, Arrived, Killed}},
	{"the receiver closes, the sender does not", 0, []Event{Sent, Arrived, OtherClosed}},
	{"Close, and somebody has duplicated the descriptor unasked", 0, []Event{Copied, Closed}},
	{"an observer is opened and closed", 0, []Event{Observed}},
	{"the Process is released, or garbage", 0, []Event{{Kind: Release, Ref: TheRef}}},
	{"and the holder ends", 0, []Event{{Kind: Release, Ref: TheRef}, Killed}},
	{"the child ignores, blocks, closes and stops what it can; the holder is killed", 0, []Event{{Kind: Resist, Child: TheChild}, Killed}},
	{"the child changes its user, as far as it can; the holder is killed", 0, []Event{{Kind: Become, Child: TheChild}, Killed}},
	{"the holder is killed in the middle of an exec from a thread of the child", 0, []Event{{Kind: Racing, Child: TheChild}, Killed}},
	{"the only holder closes in the middle of it", 0, []Event{{Kind: Racing, Child: TheChild}, Closed}},
	{"the holder is killed: what the child has started", 1, []Event{Killed}},
	{"the same, after setsid", 1, []Event{Left, Killed}},
	{"the child ends: what it has started", 1, []Event{Ended}},
}

// Play is what may be seen in the end.
func (s Story) Play(b Bond) (Fates, error) {
	w := New(b)
	for _, e := range append(b.Begin(), s.Events...) {
		if err := w.Happen(e); err != nil {
			return 0, err
		}
	}
	return w.Fate(TheChild, s.Member), nil
}
