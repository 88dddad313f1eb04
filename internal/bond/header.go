package bond

import "encoding/binary"

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

// inFlight is how many descriptors a parcel keeps in flight. They count
// against RLIMIT_NOFILE, per user over all processes (unix(7), ETOOMANYREFS).
const inFlight = 5
