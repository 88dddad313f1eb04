package pidfd

import (
	"encoding/binary"
	"fmt"
)

// infoSize is the size of struct pidfd_info as of Linux 7.1
// (PIDFD_INFO_SIZE_VER3). The ioctl's number holds the size of the caller's
// buffer: an older kernel fills in the part it knows and leaves or sets the
// rest zero, a newer one cuts off what does not fit.
const infoSize = 88

// infoSizeMin is PIDFD_INFO_SIZE_VER0.
const infoSizeMin = 64

// parseInfo reads a struct pidfd_info (include/uapi/linux/pidfd.h) of any size
// a kernel has had.
func parseInfo(asked InfoMask, reply []byte) (Info, error) {
	if len(reply) < infoSizeMin {
		return Info{}, fmt.Errorf("pidfd: %d bytes are no struct pidfd_info", len(reply))
	}
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(reply[at:]) }
	u64 := func(at int) uint64 { return binary.NativeEndian.Uint64(reply[at:]) }

	info := Info{Asked: asked, Answered: InfoMask(u64(0))}
	// The kernel also sets the bits of what did not fit.
	fits := func(bit InfoMask, end int) bool {
		if len(reply) < end {
			info.Answered &^= bit
		}
		return info.answered(bit)
	}
	if fits(InfoCgroupID, infoSizeMin) {
		info.cgroup = u64(8)
	}
	if fits(InfoPID, infoSizeMin) {
		info.ids = IDs{PID: int(u32(16)), TGID: int(u32(20)), PPID: int(u32(24))}
	}
	if fits(InfoCreds, infoSizeMin) {
		info.creds = Creds{
			RUID: u32(28), RGID: u32(32),
			EUID: u32(36), EGID: u32(40),
			SUID: u32(44), SGID: u32(48),
			FSUID: u32(52), FSGID: u32(56),
		}
	}
	if fits(InfoExit, infoSizeMin) {
		info.exit = u32(60)
	}
	if fits(InfoCoredump, 72) {
		// 6.16 to 6.18 answer with no bit at all what has been reaped and
		// left no record.
		if info.coredump = CoredumpMask(u32(64)); info.coredump == 0 {
			info.Answered &^= InfoCoredump
		}
	}
	if fits(InfoCoredumpSignal, 72) {
		info.coredumpSignal = u32(68)
	}
	if fits(InfoCoredumpCode, 80) {
		info.coredumpCode = int32(u32(72))
	}
	if fits(InfoSupportedMask, 80) {
		// Linux 6.19 and 7.0 have it at 72; 7.1 put the core-dump code there
		// and moved it to 80. It is never zero, for it contains itself, and
		// what an older kernel does not fill in is.
		if len(reply) >= infoSize && u64(80) != 0 {
			info.supported = InfoMask(u64(80))
		} else if !info.answered(InfoCoredumpCode) {
			info.supported = InfoMask(u64(72))
		}
		if info.supported&InfoSupportedMask == 0 {
			info.supported = 0
			info.Answered &^= InfoSupportedMask
		}
	}
	return info, nil
}
