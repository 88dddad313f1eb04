package autokill

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestParseRecord(t *testing.T) {
	good := record{kind: kindHanded, name: "name", data: []byte("data")}.header()
	change := func(at int, to ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], to)
		return b
	}
	long := binary.NativeEndian.AppendUint32(nil, MaxName+1)
	longer := binary.NativeEndian.AppendUint32(nil, MaxData+1)
	tests := []struct {
		name   string
		header []byte
		ok     bool
	}{
		{"as it is sent", good, true},
		{"the end", record{kind: kindEnd}.header(), true},
		{"a single handle", record{kind: kindHandle}.header(), true},
		{"cut off", good[:recordSize-1], false},
		{"something else", change(0, []byte("AUTOKILL")...), false},
		{"another version", change(8, 9, 9), false},
		{"no kind", change(10, 0, 0), false},
		{"an unknown kind", change(10, 9, 9), false},
		{"too long a name", change(12, long...), false},
		{"too much data", change(16, longer...), false},
		{"an end with a name", change(10, record{kind: kindEnd}.header()[10:12]...), false},
	}
	for _, tt := range tests {
		r, err := parseRecord(tt.header)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		if len(r.name) > MaxName || len(r.data) > MaxData {
			t.Errorf("%s: %d bytes of name, %d of data", tt.name, len(r.name), len(r.data))
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(record{kind: kindHanded, name: "name", data: []byte("data")}.header())
	f.Add(record{kind: kindEnd}.header())
	f.Add([]byte("autokill"))
	f.Fuzz(func(t *testing.T, header []byte) {
		r, err := parseRecord(header)
		if err != nil {
			return
		}
		if again := r.header(); !bytes.Equal(again[:20], header[:20]) {
			t.Errorf("%q was read as %q", header, again)
		}
	})
}
