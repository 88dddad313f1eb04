package pidfd

import (
	"encoding/binary"
	"testing"
)

// reply builds a struct pidfd_info of this size.
func reply(size int, mask InfoMask, put map[int]uint64) []byte {
	buf := make([]byte, max(size, infoSize))
	binary.NativeEndian.PutUint64(buf, uint64(mask))
	for at, v := range put {
		binary.NativeEndian.PutUint64(buf[at:], v)
	}
	return buf[:size]
}

func TestParseInfoSizes(t *testing.T) {
	const (
		first = InfoPID | InfoCreds | InfoCgroupID
		v619  = first | InfoExit | InfoCoredump | InfoSupportedMask | InfoCoredumpSignal
		v71   = v619 | InfoCoredumpCode
	)
	for _, test := range []struct {
		name      string
		reply     []byte
		answered  InfoMask
		supported InfoMask
	}{
		{"6.13", reply(64, first, nil), first, 0},
		{"6.13 into our buffer", reply(88, first, nil), first, 0},
		{"6.16", reply(72, first|InfoCoredump, map[int]uint64{64: 4}), first | InfoCoredump, 0},
		{"6.16, reaped", reply(88, InfoExit|InfoCoredump, nil), InfoExit, 0},
		{"6.19", reply(80, first|InfoSupportedMask, map[int]uint64{72: uint64(v619)}), first | InfoSupportedMask, v619},
		{"6.19 into our buffer", reply(88, first|InfoSupportedMask, map[int]uint64{72: uint64(v619)}), first | InfoSupportedMask, v619},
		{"7.1", reply(88, first|InfoSupportedMask, map[int]uint64{80: uint64(v71)}), first | InfoSupportedMask, v71},
		{"7.1 cut to 80", reply(80, first|InfoSupportedMask|InfoCoredumpCode, map[int]uint64{72: 0x20}), first | InfoCoredumpCode, 0},
		{"7.1 cut to 64", reply(64, v71, nil), first | InfoExit, 0},
		{"of the future", reply(128, 1<<20|InfoSupportedMask, map[int]uint64{80: 1<<20 | uint64(v71)}), 1<<20 | InfoSupportedMask, 1<<20 | v71},
	} {
		t.Run(test.name, func(t *testing.T) {
			info, err := parseInfo(0, test.reply)
			if err != nil {
				t.Fatal(err)
			}
			if info.Answered != test.answered {
				t.Errorf("answered %v, want %v", info.Answered, test.answered)
			}
			if supported, _ := info.Supported(); supported != test.supported {
				t.Errorf("supported %v, want %v", supported, test.supported)
			}
		})
	}
	if _, err := parseInfo(0, make([]byte, infoSizeMin-1)); err == nil {
		t.Error("a reply that is too short")
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add(uint64(InfoExit), reply(64, InfoPID, nil))
	f.Add(uint64(0), reply(80, ^InfoMask(0), map[int]uint64{72: 0xff}))
	f.Add(uint64(0), reply(88, ^InfoMask(0), map[int]uint64{80: 0xff}))
	f.Add(uint64(0), []byte{1})
	f.Fuzz(func(t *testing.T, asked uint64, reply []byte) {
		info, err := parseInfo(InfoMask(asked), reply)
		if err != nil {
			if len(reply) >= infoSizeMin {
				t.Fatalf("%d bytes: %v", len(reply), err)
			}
			return
		}
		if info.Asked != InfoMask(asked) {
			t.Errorf("asked for %v, not %v", InfoMask(asked), info.Asked)
		}
		if mask := InfoMask(binary.NativeEndian.Uint64(reply)); info.Answered&^mask != 0 {
			t.Errorf("answered %v, the kernel only %v", info.Answered, mask)
		}
		// What was not answered is zero, whatever the bytes are.
		ids, hasIDs := info.IDs()
		creds, hasCreds := info.Creds()
		coredump, hasCoredump := info.Coredump()
		supported, hasSupported := info.Supported()
		if !hasIDs && ids != (IDs{}) || !hasCreds && creds != (Creds{}) ||
			hasCoredump != (coredump != 0) || hasSupported != (supported != 0) ||
			!info.answered(InfoExit) && info.exit != 0 ||
			!info.answered(InfoCgroupID) && info.cgroup != 0 {
			t.Errorf("%+v", info)
		}
	})
}
