package handles

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// process is what /proc says of one.
type process struct {
	pid, parent int
	name        string
	dead        bool // a zombie, and none of its threads lives
	headless    bool // its first thread is a zombie, and another lives
	kernel      bool // a thread of the kernel
	start       time.Duration
	uid         int
	pids        []int // in each PID namespace, from /proc's to its own
}

// tick is the unit of times in /proc/PID/stat on all architectures that we know
// (USER_HZ; sysconf(_SC_CLK_TCK)).
const tick = time.Second / 100

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The name is in parentheses and may
// hold anything.
func parseStat(b []byte) (p process, err error) {
	begin, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if begin < 0 || end < begin {
		return process{}, fmt.Errorf("/proc/PID/stat is %q", b)
	}
	p.name = string(b[begin+1 : end])
	fields := strings.Fields(string(b[end+1:]))
	const state, parent, flags, threads, start = 0, 1, 6, 17, 19 // 3, 4, 9, 20 and 22 of the man page
	if len(fields) <= start {
		return process{}, fmt.Errorf("/proc/PID/stat is %q", b)
	}
	number := func(text string) (n int64) {
		n, failed := strconv.ParseInt(text, 10, 64)
		err = errors.Join(err, failed)
		return n
	}
	p.pid = int(number(strings.TrimSpace(string(b[:begin]))))
	p.parent = int(number(fields[parent]))
	p.headless = fields[state] == "Z" || fields[state] == "X"
	if number(fields[threads]) <= 1 {
		p.dead, p.headless = p.headless, false
	}
	const kernelThread = 0x200000 // PF_KTHREAD in include/linux/sched.h
	p.kernel = number(fields[flags])&kernelThread != 0
	p.start = time.Duration(number(fields[start])) * tick
	p.uid = -1
	return p, err
}

// parseStatus adds what /proc/PID/status says (proc_pid_status(5)).
func (p *process) parseStatus(b []byte) {
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch key {
		case "Uid": // real, effective, saved, file system
			if len(fields) > 0 {
				p.uid = atoi(fields[0])
			}
		case "NSpid":
			p.pids = nil
			for _, field := range fields {
				p.pids = append(p.pids, atoi(field))
			}
		}
	}
}

// isInit says that it is the first process of a PID namespace below the one of /proc.
func (p process) isInit() bool { return len(p.pids) > 1 && p.pids[len(p.pids)-1] == 1 }

// atoi is -1 for what is no number.
func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// Kinds of files that can be a handle.
type kind int

const (
	other kind = iota
	pidfd
	socket
)

// parseLink reads what a link in /proc/PID/fd leads to: a socket's names its inode.
func parseLink(link string) (k kind, inode uint64) {
	if number, found := strings.CutPrefix(link, "socket:["); found {
		inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
		if err == nil {
			return socket, inode
		}
	}
	if link == "anon_inode:[pidfd]" {
		return pidfd, 0
	}
	return other, 0
}

// fdinfo is the part of /proc/PID/fdinfo/N (proc_pid_fdinfo(5)) that is about handles.
type fdinfo struct {
	autokill bool   // the bit that makes a pidfd a native handle
	inode    uint64 // 0 if it is not told
	pid      int    // of a pidfd; 0 if its process is in no namespace of ours, -1 if it was reaped
	inFlight int    // descriptors in the queue of a socket
}

func parseFdinfo(b []byte) (f fdinfo) {
	const autokillBit = 0o1000 // O_TRUNC, PIDFD_AUTOKILL in include/uapi/linux/pidfd.h
	isPidfd := false
	var flags uint64
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "flags":
			flags, _ = strconv.ParseUint(value, 8, 64)
		case "ino":
			f.inode, _ = strconv.ParseUint(value, 10, 64)
		case "Pid":
			pid, err := strconv.Atoi(value)
			f.pid, isPidfd = pid, err == nil
		case "scm_fds":
			f.inFlight = max(atoi(value), 0)
		}
	}
	f.autokill = isPidfd && flags&autokillBit != 0
	return f
}

// unixSocket is a line of /proc/net/unix (proc_net(5)).
type unixSocket struct {
	seqpacket bool
	name      string // "" if it has none, or two lines say different things of it
}

// parseSockets adds the sockets of a table by their inode numbers. A name may hold
// anything, also a newline and what looks like the line of somebody else's socket, in another network
// namespace too; so what is told in two ways has no name. The kernel itself tells some twice, when others
// come and go between two reads.
func parseSockets(b []byte, sockets map[uint64]unixSocket) {
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		rest := line
		var fields [7]string // address, references, protocol, flags, type, state, inode
		for i := range fields {
			rest = strings.TrimLeft(rest, " ")
			fields[i], rest, _ = strings.Cut(rest, " ")
		}
		inode, err := strconv.ParseUint(fields[6], 10, 64)
		if err != nil || inode == 0 {
			continue // the heading
		}
		s := unixSocket{seqpacket: fields[4] == "0005", name: rest}
		if told, again := sockets[inode]; again && told != s {
			s.name = ""
		}
		sockets[inode] = s
	}
}
