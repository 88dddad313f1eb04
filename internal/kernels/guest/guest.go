// Package guest is what the machine of the kernel matrix and its host say to
// each other: the host puts a list of jobs into the initramfs, the guest's
// init runs them and writes events to a serial port of its own, one JSON
// object to a line. The port carries nothing else: the kernel's messages have
// the first port for themselves and cannot land inside an event.
package guest

import (
	"encoding/json"
	"time"
)

// JobsPath is the file in the initramfs that holds the []Job as JSON.
const JobsPath = "/jobs.json"

// ReportPort names the serial port for events: the kernel hands what it does
// not know on its command line to init as environment.
const ReportPort = "AUTOKILL_REPORT"

// What test binaries find in their environment.
const (
	KernelVariable = "AUTOKILL_KERNEL" // the name of the kernel
	ShareVariable  = "AUTOKILL_SHARE"  // a [Share], if they run one
)

// A Job is one test binary run once by one user.
type Job struct {
	Package string        // import path of the tested package
	User    string        // name of the user, for people
	UID     uint32        // 0 keeps every capability, anything else has none
	GID     uint32        // the only group
	Path    string        // the binary
	Args    []string      // without the name of the binary
	Env     []string      // the whole environment
	Dir     string        // working directory
	Timeout time.Duration // after it the job is killed; it has to end by itself before
	Share   *Share        // which of the binary's tests; nil: what Args say
}

// A Kind says what an Event tells.
type Kind string

// The kinds of events, in the order in which they come. Start, Output and End
// come once, any number of times, and once for each job.
const (
	Boot   Kind = "boot"   // init runs; Text is the kernel's release
	Start  Kind = "start"  // the job begins
	Output Kind = "output" // Text is what the job wrote to stdout or stderr
	End    Kind = "end"    // the job's process has ended
	Fault  Kind = "fault"  // init cannot go on; Text says why
	Bye    Kind = "bye"    // every job has ended, the machine powers off
)

// An Event is one line from the guest.
type Event struct {
	Kind      Kind          `json:"kind"`
	Job       int           `json:"job"` // index in the list of jobs
	Text      string        `json:"text,omitempty"`
	Exit      string        `json:"exit,omitempty"`      // End: "" for success, else how it ended
	Elapsed   time.Duration `json:"elapsed,omitempty"`   // End: from start to end
	Survivors []string      `json:"survivors,omitempty"` // End: processes that outlived the job
}

// Line is the event as it goes over the wire.
func (e Event) Line() []byte {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return append(line, '\n')
}
