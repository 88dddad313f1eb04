package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/autokill/autokill/internal/handles"
)

// table has a line for each handle.
func table(s handles.Sight) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "CHILD\tSCOPE\tMECHANISM\tAGE\tHELD BY\tCOMMAND")
	for _, h := range s.Handles {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", pidColumn(h), scopeColumn(h), h.Mechanism, ageColumn(h.Age), holdersColumn(s, h), commandColumn(h))
	}
	_ = w.Flush() // to memory
	return b.String()
}

// tree has a part for each holder that is in nobody's care, and one for handles without a
// holder. A handle with many holders is below each of them.
func tree(s handles.Sight) string {
	t := trunk{Sight: s, holders: map[int]handles.Holder{}, done: map[int]bool{}}
	for _, h := range s.Handles {
		for _, holder := range h.Holders {
			t.holders[holder.PID] = holder
		}
	}
	pids := slices.Sorted(maps.Keys(t.holders))
	for _, pid := range pids {
		if t.holders[pid].Below == 0 {
			t.root(pid)
		}
	}
	// Children that hold each other's handles in a circle are below nobody.
	for _, pid := range pids {
		if !t.done[pid] {
			t.root(pid)
		}
	}
	if lost := t.heldBy(0); len(lost) > 0 {
		t.WriteString(noHolder(s) + "\n")
		t.branches("", lost, nil)
	}
	return t.String()
}

// trunk is a tree that is being written. The handles of a process that is done stand in
// it already.
type trunk struct {
	strings.Builder
	handles.Sight
	holders map[int]handles.Holder
	done    map[int]bool
}

func (t *trunk) root(pid int) {
	t.holder(pid)
	t.below("", pid)
}

func (t *trunk) holder(pid int) {
	fmt.Fprintf(t, "%d %s\n", pid, printable(t.holders[pid].Command))
}

// below writes what a process holds, and then the holders in its care.
func (t *trunk) below(indent string, pid int) {
	if t.done[pid] {
		return
	}
	t.done[pid] = true
	var wards []int
	for _, ward := range slices.Sorted(maps.Keys(t.holders)) {
		if t.holders[ward].Below == pid && !t.done[ward] {
			wards = append(wards, ward)
		}
	}
	t.branches(indent, t.heldBy(pid), wards)
}

func (t *trunk) branches(indent string, held []handles.Handle, wards []int) {
	for i, h := range held {
		below := t.branch(indent, i == len(held)+len(wards)-1)
		fmt.Fprintf(t, "%s %s, %s, %s", pidColumn(h), scopeColumn(h), h.Mechanism, ageColumn(h.Age))
		if c := commandColumn(h); c != "" {
			t.WriteString(": " + c)
		}
		t.WriteString("\n")
		if h.Child != nil {
			t.below(below, h.Child.PID)
		}
	}
	for i, ward := range wards {
		below := t.branch(indent, i == len(wards)-1)
		t.holder(ward)
		t.below(below, ward)
	}
}

// branch begins a line, and returns the indent of what is below it.
func (t *trunk) branch(indent string, last bool) (below string) {
	if last {
		t.WriteString(indent + "└─ ")
		return indent + "   "
	}
	t.WriteString(indent + "├─ ")
	return indent + "│  "
}

// heldBy are the handles of a process; 0 is nobody.
func (t *trunk) heldBy(pid int) []handles.Handle {
	var all []handles.Handle
	for _, h := range t.Handles {
		if pid == 0 && len(h.Holders) == 0 || slices.ContainsFunc(h.Holders, func(holder handles.Holder) bool { return holder.PID == pid }) {
			all = append(all, h)
		}
	}
	return all
}

// notes are what is to be known beside the handles.
func notes(s handles.Sight) string {
	var b strings.Builder
	for _, f := range s.Flights {
		fmt.Fprintf(&b, "in the queue of a socket of %s: %d descriptors, of which some may be handles\n", holderList(f.Holders), f.Descriptors)
	}
	if s.Unseen > 0 {
		fmt.Fprintf(&b, "not seen: what %d processes of others hold; be root to see it\n", s.Unseen)
	}
	if s.Hidden {
		b.WriteString("not seen: processes that /proc hides (hidepid)\n")
	}
	return b.String()
}

func pidColumn(h handles.Handle) string {
	switch {
	case h.Ended:
		return "-"
	case h.Child == nil:
		return "?"
	}
	return fmt.Sprint(h.Child.PID)
}

func scopeColumn(h handles.Handle) string {
	if h.Scope == "" {
		return "?"
	}
	return h.Scope
}

func commandColumn(h handles.Handle) string {
	switch {
	case h.Ended && h.Child != nil:
		return fmt.Sprintf("(%d has ended)", h.Child.PID)
	case h.Ended:
		return "(has ended)"
	case h.Child == nil:
		return ""
	}
	return printable(h.Child.Command)
}

func holdersColumn(s handles.Sight, h handles.Handle) string {
	if len(h.Holders) == 0 {
		return noHolder(s)
	}
	return holderList(h.Holders)
}

func noHolder(s handles.Sight) string {
	if s.Complete() {
		return "in flight"
	}
	return "nobody seen"
}

func holderList(all []handles.Holder) string {
	var texts []string
	for _, h := range all {
		texts = append(texts, fmt.Sprintf("%d:%s", h.PID, numbers(h.Descriptors)))
	}
	return strings.Join(texts, " ")
}

func numbers(all []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ","), "[]")
}

// ageColumn is in the largest unit that is full.
func ageColumn(d *time.Duration) string {
	if d == nil {
		return "?"
	}
	for _, unit := range []struct {
		name string
		time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}} {
		if *d >= unit.Duration {
			return fmt.Sprintf("%d%s", *d/unit.Duration, unit.name)
		}
	}
	return fmt.Sprintf("%ds", *d/time.Second)
}

// printable is a command line that does nothing to a terminal: whoever is started
// chooses it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
