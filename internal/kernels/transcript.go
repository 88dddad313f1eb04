package kernels

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// A Transcript is all that is known of one boot.
type Transcript struct {
	Console string // what the kernel printed
	Events  []guest.Event
	Noise   []string // what was on the port of events and is none
	Hung    bool     // ended by us, because it said nothing any more
}

// A Fate is how a boot ended.
type Fate string

// The fates. Only Ended is good.
const (
	Ended           Fate = "ended"
	PanicBeforeInit Fate = "the kernel panicked before init ran"
	HangBeforeInit  Fate = "the machine hung before init ran"
	Panic           Fate = "the kernel panicked"
	Hang            Fate = "the machine hung"
	Stopped         Fate = "the machine stopped before all jobs had ended"
)

// Fate tells how the boot ended. A panic goes before a hang: a kernel that
// panics need not be able to restart.
func (t Transcript) Fate() Fate {
	switch panicked := strings.Contains(t.Console, "Kernel panic - not syncing"); {
	case t.has(guest.Bye):
		return Ended
	case panicked && !t.has(guest.Boot):
		return PanicBeforeInit
	case panicked:
		return Panic
	case t.Hung && !t.has(guest.Boot):
		return HangBeforeInit
	case t.Hung:
		return Hang
	default:
		return Stopped
	}
}

func (t Transcript) has(kind guest.Kind) bool {
	for _, e := range t.Events {
		if e.Kind == kind {
			return true
		}
	}
	return false
}

// Fault is what our init says it could not do, if that is why the boot ended.
func (t Transcript) Fault() string {
	for _, e := range t.Events {
		if e.Kind == guest.Fault {
			return e.Text
		}
	}
	return ""
}

// readEvents reads the port to its end into a transcript.
func readEvents(port io.Reader, t *Transcript, live func(guest.Event)) error {
	lines := bufio.NewReader(port)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if e, noise, ok := parseEvent(line); ok {
				t.Events = append(t.Events, e)
				live(e)
				t.hear(noise)
			} else {
				t.hear(line)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *Transcript) hear(noise []byte) {
	if noise = bytes.TrimSpace(noise); len(noise) > 0 {
		t.Noise = append(t.Noise, string(noise))
	}
}

// parseEvent reads the event in a line, and what somebody else wrote before
// it. An event that is torn is no event: the job that misses its end, or the
// result that misses, then counts as failed.
func parseEvent(line []byte) (e guest.Event, noise []byte, ok bool) {
	at := bytes.Index(line, []byte(`{"kind":`))
	if at < 0 || json.Unmarshal(line[at:], &e) != nil {
		return guest.Event{}, line, false
	}
	return e, line[:at], true
}
