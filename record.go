package autokill

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// A record is a handle, or a word about handles, on its way through a unix socket of any
// type: 24 bytes with at most one descriptor, then name and data in pieces.
type record struct {
	kind   kind
	name   string
	data   []byte
	handle *os.File // nil if the kind has none
}

type kind uint16

const (
	kindHandle kind = iota + 1 // comes alone: Send
	kindHanded                 // one of a handover
	kindEnd                    // of a handover: all was sent
	kindTaken                  // the answer: all was taken
)

const (
	recordMagic   = "autokill"
	recordVersion = 1
	recordSize    = 24
	// pieceSize is how much is written in one go: a socket that keeps messages apart has
	// a limit.
	pieceSize = 32 << 10
)

// MaxName and MaxData limit what belongs to a handle in a handover, in bytes. MaxHandles and
// MaxTotal limit what goes through a connection in one: its handles, and the bytes of all names
// and data together.
const (
	MaxName    = 4 << 10
	MaxData    = 16 << 20
	MaxHandles = 4096
	MaxTotal   = 64 << 20
)

func (r record) close() {
	if r.handle != nil {
		r.handle.Close()
	}
}

func (r record) header() []byte {
	b := append(make([]byte, 0, recordSize), recordMagic...)
	b = binary.NativeEndian.AppendUint16(b, recordVersion)
	b = binary.NativeEndian.AppendUint16(b, uint16(r.kind))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(r.name)))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(r.data)))
	return b[:recordSize]
}

// parseRecord reads a header. Name and data are as long as they shall be, and empty.
func parseRecord(b []byte) (record, error) {
	if len(b) != recordSize || string(b[:len(recordMagic)]) != recordMagic {
		return record{}, fmt.Errorf("%w: a message of something else", ErrNotHandle)
	}
	if version := binary.NativeEndian.Uint16(b[8:]); version != recordVersion {
		return record{}, fmt.Errorf("the sender speaks version %d, this program %d: %w", version, recordVersion, errors.ErrUnsupported)
	}
	r := record{kind: kind(binary.NativeEndian.Uint16(b[10:]))}
	name, data := binary.NativeEndian.Uint32(b[12:]), binary.NativeEndian.Uint32(b[16:])
	switch {
	case r.kind < kindHandle || r.kind > kindTaken:
		return record{}, fmt.Errorf("%w: a message of the unknown kind %d", ErrNotHandle, r.kind)
	case name > MaxName || data > MaxData:
		return record{}, fmt.Errorf("%w: a name of %d bytes and data of %d are more than %d and %d", ErrNotHandle, name, data, MaxName, MaxData)
	case r.kind != kindHanded && (name != 0 || data != 0):
		return record{}, fmt.Errorf("%w: a message with a name", ErrNotHandle)
	}
	r.name, r.data = string(make([]byte, name)), make([]byte, data)
	return r, nil
}

func sendRecord(conn syscall.Conn, r record) error {
	raw, err := rawConn(conn)
	if err != nil {
		return err
	}
	if err := carries(raw); err != nil {
		return err
	}
	rights, err := rightsOf(r.handle)
	if err != nil {
		return err
	}
	for _, rest := range [][]byte{r.header(), []byte(r.name), r.data} {
		for len(rest) > 0 {
			n, err := sendPiece(raw, rest[:min(len(rest), pieceSize)], rights)
			if err != nil {
				return err
			}
			rest, rights = rest[n:], nil // the descriptor went with the first byte
		}
	}
	return nil
}

func rawConn(conn syscall.Conn) (syscall.RawConn, error) {
	if conn == nil {
		return nil, os.ErrInvalid
	}
	return conn.SyscallConn()
}

// receiveRecord trusts nothing. The handle is the caller's to close.
func receiveRecord(conn syscall.Conn) (r record, err error) {
	raw, err := rawConn(conn)
	if err != nil {
		return record{}, err
	}
	var files []*os.File
	defer func() {
		if err != nil {
			for _, file := range files {
				file.Close()
			}
		}
	}()
	header := make([]byte, recordSize)
	for got := 0; got < recordSize; {
		n, more, err := receivePiece(raw, header[got:])
		files = append(files, more...)
		switch {
		case err != nil:
			return record{}, err
		case n == 0 && got == 0 && len(files) == 0:
			return record{}, io.EOF
		case n == 0:
			return record{}, io.ErrUnexpectedEOF
		}
		got += n
	}
	if r, err = parseRecord(header); err != nil {
		return record{}, err
	}
	want := 0
	if r.kind <= kindHanded {
		want = 1
	}
	if len(files) != want {
		return record{}, fmt.Errorf("%w: a message with %d descriptors instead of %d, or this program may open no more", ErrNotHandle, len(files), want)
	}
	if want == 1 {
		r.handle = files[0]
	}
	name := []byte(r.name)
	for _, part := range [][]byte{name, r.data} {
		for piece := part[:min(len(part), pieceSize)]; len(part) > 0; {
			n, more, err := receivePiece(raw, piece)
			files = append(files, more...)
			switch {
			case err != nil:
				return record{}, err
			case n == 0:
				return record{}, io.ErrUnexpectedEOF
			case len(more) > 0:
				return record{}, fmt.Errorf("%w: a descriptor in the midst of a message", ErrNotHandle)
			}
			part, piece = part[n:], piece[n:]
			if len(piece) == 0 {
				piece = part[:min(len(part), pieceSize)]
			}
		}
	}
	r.name = string(name)
	return r, nil
}
