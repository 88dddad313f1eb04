package handles

import "time"

// Sight is what could be seen.
type Sight struct {
	Handles []Handle
	// Flights are sockets with descriptors in flight that are no handles. Among what is
	// in flight there may be handles.
	Flights []Flight
	// Unseen counts the processes whose descriptors the caller may not see. Hidden says
	// that there may be others of which /proc does not even show that they are there
	// (proc(5), hidepid).
	Unseen int
	Hidden bool
}

// Complete says that nobody's descriptors were missed.
func (s Sight) Complete() bool { return s.Unseen == 0 && !s.Hidden }

// Names of mechanisms and scopes, as package autokill has them.
const (
	Native   = "native"
	Tripwire = "tripwire"

	scopeProcess = "process"
	scopePIDNS   = "pidns"
)

// Handle is one open file that keeps somebody alive.
type Handle struct {
	Mechanism string
	Scope     string // "" if it is not known
	// Child is who was started, or nil if that cannot be told. Of one that has ended
	// there is the pid alone.
	Child *Process
	// Ended says that the child has ended. Others in its scope may be there.
	Ended bool
	// Age is the time since the child was started, or nil if it is not known.
	Age *time.Duration
	// Holders have it among their descriptors. If there are none, the handle is in
	// flight, or with somebody whose descriptors were not seen.
	Holders []Holder
}

// Process is a process as its pid, its real user and its command line.
type Process struct {
	PID     int
	UID     int // -1 if it is not known
	Command string
}

// Holder is a process with the numbers under which it has the file, in order.
type Holder struct {
	Process
	Descriptors []int
	// Below is the child of a handle that the holder is or descends from, the nearest
	// one, or 0.
	Below int
}

// Flight is a socket whose queue has descriptors in it.
type Flight struct {
	Descriptors int
	Holders     []Holder // of the socket
}
