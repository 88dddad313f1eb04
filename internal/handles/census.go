package handles

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/autokill/autokill/internal/mark"
)

// observation is everything that was read.
type observation struct {
	now         time.Duration // by CLOCK_BOOTTIME
	namespace   uint64        // the PID namespace that all pids here are of
	processes   map[int]process
	descriptors []descriptor
	sockets     map[uint64]unixSocket
	// namespaceOf asks for that of a process: 0 if it cannot be told.
	namespaceOf func(pid int) uint64
	unseen      int
	hidden      bool
}

// descriptor is one that may be a handle.
type descriptor struct {
	holder, fd int
	kind       kind
	fdinfo     // its inode is there, whatever the kernel
}

// Descriptors that a parcel keeps in flight: the four ends of its pipes; before them the
// child's pidfd, which whoever holds the handle may have taken; after them, with scope
// pidns, pidfds of the command and of its init.
const (
	parcelAtLeast = 4
	parcelPlain   = 5
	parcelPIDNS   = 7
)

// sight makes handles of the observation.
func (o observation) sight() Sight {
	s := Sight{Unseen: o.unseen, Hidden: o.hidden}
	held := map[uint64]bool{}
	for _, d := range o.files() {
		first := d[0]
		if first.kind == pidfd {
			s.Handles = append(s.Handles, o.native(d))
			continue
		}
		held[first.inode] = true
		m, marked := o.mark(first.inode)
		unmarked := o.sockets[first.inode].seqpacket && (first.inFlight == parcelPlain || first.inFlight == parcelPIDNS)
		if marked && first.inFlight >= parcelAtLeast || unmarked {
			s.Handles = append(s.Handles, o.tripwire(m, marked, o.holders(d)))
		} else if first.inFlight > 0 {
			s.Flights = append(s.Flights, Flight{first.inFlight, o.holders(d)})
		}
	}
	for inode := range o.sockets {
		if m, marked := o.mark(inode); marked && !held[inode] {
			s.Handles = append(s.Handles, o.tripwire(m, true, nil))
		}
	}
	o.place(s.Handles)
	slices.SortStableFunc(s.Handles, byChild)
	slices.SortStableFunc(s.Flights, func(a, b Flight) int { return cmp.Compare(a.Holders[0].PID, b.Holders[0].PID) })
	return s
}

// files are the descriptors that can be handles, those of one open file together. No two
// open files have the same inode here: a socket has one, and of pidfds of one process
// only that which started it has the bit.
func (o observation) files() [][]descriptor {
	var all [][]descriptor
	at := map[[2]uint64]int{}
	for _, d := range o.descriptors {
		if d.kind == pidfd && !d.autokill {
			continue
		}
		key := [2]uint64{uint64(d.kind), d.inode}
		i, found := at[key]
		if !found {
			i = len(all)
			at[key] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], d)
	}
	return all
}

// unheld are the inodes of handles that nobody was seen to hold.
func (o observation) unheld() map[uint64]bool {
	unheld := map[uint64]bool{}
	for inode := range o.sockets {
		if _, marked := o.mark(inode); marked {
			unheld[inode] = true
		}
	}
	for _, d := range o.descriptors {
		if d.kind == socket {
			delete(unheld, d.inode)
		}
	}
	return unheld
}

func (o observation) mark(inode uint64) (mark.Mark, bool) {
	s := o.sockets[inode]
	name, abstract := strings.CutPrefix(s.name, "@")
	if !abstract || !s.seqpacket {
		return mark.Mark{}, false
	}
	return mark.Parse(name)
}

func (o observation) native(d []descriptor) Handle {
	h := Handle{Mechanism: Native, Holders: o.holders(d)}
	pid := d[0].pid
	switch {
	case pid < 0:
		h.Ended = true
		return h
	case pid == 0:
		return h
	}
	target, shown := o.processes[pid]
	if !shown {
		// The kernel has told that it lives. It has ended since, or is not ours to see.
		h.Child = &Process{PID: pid, UID: -1}
		return h
	}
	h.Scope = scopeProcess
	if target.isInit() {
		h.Scope = scopePIDNS
		if command, found := o.command(target); found {
			target = command
		}
	}
	o.child(&h, target)
	return h
}

func (o observation) tripwire(m mark.Mark, marked bool, holders []Holder) Handle {
	h := Handle{Mechanism: Tripwire, Holders: holders}
	if !marked {
		return h
	}
	h.Scope = m.Scope
	age := max(o.now-m.At, 0)
	h.Age = &age
	target, pid := o.target(m)
	switch {
	case pid == 0: // in another namespace, and not seen
	case target == nil && o.hidden:
		h.Child = &Process{PID: pid, UID: -1}
	case target == nil:
		h.Child, h.Ended = &Process{PID: pid, UID: -1}, true
	case h.Scope != scopePIDNS:
		o.child(&h, *target)
	default:
		// The target is the monitor, the init its only child.
		for _, p := range o.processes {
			if p.parent == target.pid && p.isInit() {
				if command, found := o.command(p); found {
					o.child(&h, command)
				}
			}
		}
	}
	return h
}

// target is the process that a mark is about. If it has ended, there is still its pid,
// and if not even that can be told here, it is 0.
func (o observation) target(m mark.Mark) (*process, int) {
	if m.Namespace == o.namespace {
		p, found := o.processes[m.PID]
		// Times of starts are in ticks, rounded down.
		if !found || p.start > m.At {
			return nil, m.PID
		}
		return &p, m.PID
	}
	if m.Namespace == 0 {
		return nil, 0
	}
	for _, p := range o.processes {
		n := len(p.pids)
		if n > 1 && p.pids[n-1] == m.PID && p.start <= m.At && o.namespaceOf(p.pid) == m.Namespace {
			return &p, p.pid
		}
	}
	return nil, 0
}

// command is the second process of a PID namespace of ours. The first one, its init, is
// its parent.
func (o observation) command(init process) (process, bool) {
	for _, p := range o.processes {
		if p.parent == init.pid && len(p.pids) == len(init.pids) && p.pids[len(p.pids)-1] == 2 {
			return p, true
		}
	}
	return process{}, false
}

func (o observation) child(h *Handle, p process) {
	h.Child, h.Ended = &Process{PID: p.pid, UID: p.uid, Command: p.name}, p.dead
	age := max(o.now-p.start, 0)
	h.Age = &age
}

// holders are those of one open file.
func (o observation) holders(d []descriptor) []Holder {
	fds := map[int][]int{}
	for _, one := range d {
		fds[one.holder] = append(fds[one.holder], one.fd)
	}
	var all []Holder
	for pid, numbers := range fds {
		slices.Sort(numbers)
		p := o.processes[pid]
		all = append(all, Holder{Process: Process{PID: pid, UID: p.uid, Command: p.name}, Descriptors: numbers})
	}
	slices.SortFunc(all, func(a, b Holder) int { return cmp.Compare(a.PID, b.PID) })
	return all
}

// place finds out which holders are in the care of a handle themselves.
func (o observation) place(all []Handle) {
	child := map[int]bool{}
	for _, h := range all {
		if h.Child != nil && !h.Ended {
			child[h.Child.PID] = true
		}
	}
	for _, h := range all {
		for i := range h.Holders {
			pid := h.Holders[i].PID
			// Read one after the other, parents can make a circle.
			for range o.processes {
				if child[pid] {
					h.Holders[i].Below = pid
					break
				}
				pid = o.processes[pid].parent
			}
		}
	}
}

// byChild puts handles whose child is not known last.
func byChild(a, b Handle) int {
	if (a.Child == nil) != (b.Child == nil) {
		if a.Child == nil {
			return 1
		}
		return -1
	}
	if a.Child != nil && a.Child.PID != b.Child.PID {
		return cmp.Compare(a.Child.PID, b.Child.PID)
	}
	return cmp.Compare(firstHolder(a), firstHolder(b))
}

func firstHolder(h Handle) int {
	if len(h.Holders) == 0 {
		return 0
	}
	return h.Holders[0].PID
}
