package bond

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Every message in the queue of a tripwire begins with a header: 8 bytes "autokill", the
// version and the scope as 16 bits each in the byte order of the machine.

const (
	parcelMagic   = "autokill"
	parcelVersion = 1

	headerSize      = 12
	descriptionSize = headerSize + 4 // with the pid
)

func appendHeader(b []byte, s Scope) []byte {
	b = append(b, parcelMagic...)
	b = binary.NativeEndian.AppendUint16(b, parcelVersion)
	return binary.NativeEndian.AppendUint16(b, uint16(s))
}

func parseHeader(message []byte) (Scope, error) {
	if len(message) < headerSize || string(message[:len(parcelMagic)]) != parcelMagic {
		return 0, errors.New("its first message is not a description")
	}
	if version := binary.NativeEndian.Uint16(message[8:]); version != parcelVersion {
		return 0, unsupported(fmt.Sprintf("the parcel is of version %d, this program knows %d", version, parcelVersion))
	}
	s := Scope(binary.NativeEndian.Uint16(message[10:]))
	if s < ScopeProcess || s > ScopePIDNamespace {
		return 0, unsupported(fmt.Sprintf("the parcel is of an unknown scope, %d", s))
	}
	return s, nil
}

// parseDescription gives the scope, and the pid that the child has in its own PID namespace.
func parseDescription(message []byte) (Scope, int, error) {
	s, err := parseHeader(message)
	switch {
	case err != nil:
		return 0, 0, err
	case len(message) != descriptionSize:
		return 0, 0, fmt.Errorf("its description has %d bytes instead of %d", len(message), descriptionSize)
	}
	pid := int32(binary.NativeEndian.Uint32(message[headerSize:]))
	if pid <= 0 {
		return 0, 0, fmt.Errorf("its description has %d for a pid", pid)
	}
	return s, int(pid), nil
}

// parcelSize is how many bytes are in the queue when the start is over.
func parcelSize(s Scope) int {
	if s == ScopePIDNamespace {
		return descriptionSize + 2*headerSize
	}
	return descriptionSize + headerSize
}

// parcelFiles is how many descriptors are in flight in the queue then.
func parcelFiles(s Scope) int {
	if s == ScopePIDNamespace {
		return inFlightInside
	}
	return inFlight
}

const (
	// inFlight is how many descriptors a parcel keeps in flight. They count
	// against RLIMIT_NOFILE, per user over all processes (unix(7), ETOOMANYREFS).
	inFlight = 5
	// inFlightInside is that of a PID namespace.
	inFlightInside = inFlight + 2
)

// ErrNotHandle is in the error of a file that is none.
var ErrNotHandle = errors.New("not a handle")

// notHandle keeps the cause: a call that was denied, or a limit, is no fault of the file's.
func notHandle(why error) error { return fmt.Errorf("%w: %w", ErrNotHandle, why) }
