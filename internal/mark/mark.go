// Package mark is the public name of a tripwire's handle.
//
// Nothing in /proc says whom a socket kills: its queue can be looked into only by who
// holds it. So the handle is bound to an abstract name (unix(7)), which /proc/net/unix
// shows without a reference to the socket. Nobody can connect to it, for the socket does
// not listen; it goes away with the socket; it keeps nothing alive. It is a claim and no
// proof: anybody can give any name to a socket of their own.
package mark

import (
	"strconv"
	"strings"
	"time"
)

// Mark is what the name says.
type Mark struct {
	Scope string // process, tree or pidns
	// PID is the target's, as the process that started it sees it.
	PID int
	// Namespace is the inode number of the PID namespace in which PID is meant
	// (/proc/PID/ns/pid), or 0 if the process that made the mark could not tell.
	Namespace uint64
	// At is the time by CLOCK_BOOTTIME at which the mark was made. The target was there
	// before, so a process that has started later is another one with the same pid.
	At time.Duration
}

// A name is "autokill/1/" and four fields. Pid and time make it nobody else's.
const prefix = "autokill/1/"

// Name is without the NUL in front of it, which /proc/net/unix shows as @.
func (m Mark) Name() string { return string(m.Append(nil)) }

// Append adds the name to b.
func (m Mark) Append(b []byte) []byte {
	b = append(append(b, prefix...), m.Scope...)
	b = strconv.AppendInt(append(b, '/'), int64(m.PID), 10)
	b = strconv.AppendUint(append(b, '/'), m.Namespace, 10)
	return strconv.AppendInt(append(b, '/'), int64(m.At), 10)
}

// Parse reads a name as Name gives it, and nothing else.
func Parse(name string) (m Mark, ok bool) {
	fields := strings.Split(strings.TrimPrefix(name, prefix), "/")
	if len(fields) != 4 {
		return Mark{}, false
	}
	m.Scope = fields[0]
	m.PID, _ = strconv.Atoi(fields[1])
	m.Namespace, _ = strconv.ParseUint(fields[2], 10, 64)
	at, _ := strconv.ParseInt(fields[3], 10, 64)
	m.At = time.Duration(at)
	known := m.Scope == "process" || m.Scope == "tree" || m.Scope == "pidns"
	// What was not read in full makes another name.
	return m, known && m.PID > 0 && m.At >= 0 && m.Name() == name
}
