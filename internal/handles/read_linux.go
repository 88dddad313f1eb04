package handles

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// See looks for all handles. It needs /proc, that of this program's PID namespace: without,
// the error wraps errors.ErrUnsupported. What it may not see, and what ends while it
// looks, is left out.
func See() (Sight, error) {
	// Another namespace's /proc has other numbers.
	if _, err := os.Lstat("/proc/self"); err != nil {
		return Sight{}, fmt.Errorf("/proc is not mounted: %w", errors.ErrUnsupported)
	}
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return Sight{}, fmt.Errorf("/proc is that of another PID namespace: %w", errors.ErrUnsupported)
	}
	o := observation{processes: map[int]process{}, sockets: map[uint64]unixSocket{}}
	o.namespaceOf = func(pid int) uint64 { return namespace(pid, "pid") }
	o.namespace = namespace(os.Getpid(), "pid")
	tables := map[uint64]int{namespace(os.Getpid(), "net"): os.Getpid()}
	pids, err := o.read(tables)
	if err != nil {
		return Sight{}, err
	}
	// A handle that is in the tables now and was not held may have been made meanwhile, or
	// have gone from who was not read yet to who was. So who holds is asked once more.
	readTables(tables, o.sockets)
	if unheld := o.unheld(); len(unheld) > 0 {
		o.again(pids, unheld)
		// What is not in the tables any more was closed.
		now := map[uint64]unixSocket{}
		readTables(tables, now)
		for inode := range unheld {
			if _, there := now[inode]; !there {
				delete(o.sockets, inode)
			}
		}
	}
	var uptime unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &uptime); err != nil {
		return Sight{}, os.NewSyscallError("clock_gettime(CLOCK_BOOTTIME)", err)
	}
	o.now = time.Duration(uptime.Nano())
	s := o.sight()
	s.commands()
	return s, nil
}

// read reads all processes and their descriptors. It adds a process of each network
// namespace to tables, and returns the pids.
func (o *observation) read(tables map[uint64]int) ([]int, error) {
	pids, err := numbers("/proc")
	if err != nil {
		return nil, err
	}
	o.hidden = true
	for _, pid := range pids {
		// Who may see anybody may see the first one.
		o.hidden = o.hidden && pid != 1
		p, err := readProcess(pid)
		if errors.Is(err, fs.ErrPermission) {
			o.unseen++
			continue
		}
		if err != nil {
			continue // it has ended
		}
		o.processes[pid] = p
		if p.kernel || p.dead {
			continue
		}
		if net := namespace(pid, "net"); net != 0 && tables[net] == 0 {
			tables[net] = pid
		}
		descriptors, err := readDescriptors(p)
		if errors.Is(err, fs.ErrPermission) {
			o.unseen++
		}
		o.descriptors = append(o.descriptors, descriptors...)
	}
	return pids, nil
}

// again reads the descriptors once more, those of all threads now, which can have tables
// of their own (unshare(2), CLONE_FILES), and adds those of the inodes.
func (o *observation) again(pids []int, unheld map[uint64]bool) {
	found := map[[2]int]bool{}
	for _, pid := range pids {
		if p, known := o.processes[pid]; !known || p.kernel || p.dead {
			continue
		}
		for _, dir := range threads(pid) {
			descriptors, _ := readTable(pid, dir) // an error was counted before
			for _, d := range descriptors {
				at := [2]int{pid, d.fd}
				if d.kind == socket && unheld[d.inode] && !found[at] {
					found[at] = true
					o.descriptors = append(o.descriptors, d)
				}
			}
		}
	}
}

func readProcess(pid int) (process, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return process{}, err
	}
	p, err := parseStat(stat)
	if err != nil {
		return process{}, err
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return process{}, err
	}
	p.parseStatus(status)
	return p, nil
}

// readDescriptors are those of a process that can be handles: of its first thread, or of
// the first one that lives if that has ended.
func readDescriptors(p process) ([]descriptor, error) {
	if !p.headless {
		return readTable(p.pid, fmt.Sprintf("/proc/%d", p.pid))
	}
	for _, dir := range threads(p.pid) {
		if all, err := readTable(p.pid, dir); err != nil || len(all) > 0 {
			return all, err
		}
	}
	return nil, nil
}

// threads are the directories of a process's.
func threads(pid int) (dirs []string) {
	all := fmt.Sprintf("/proc/%d/task", pid)
	tids, _ := numbers(all) // none: it has ended
	for _, tid := range tids {
		dirs = append(dirs, filepath.Join(all, strconv.Itoa(tid)))
	}
	return dirs
}

// readTable reads the table of a thread of the holder.
func readTable(holder int, dir string) ([]descriptor, error) {
	fds, err := numbers(filepath.Join(dir, "fd"))
	if err != nil {
		return nil, err
	}
	var all []descriptor
	for _, fd := range fds {
		link, err := os.Readlink(filepath.Join(dir, "fd", strconv.Itoa(fd)))
		if err != nil {
			continue
		}
		kind, inode := parseLink(link)
		if kind == other {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "fdinfo", strconv.Itoa(fd)))
		if err != nil {
			continue
		}
		d := descriptor{holder: holder, fd: fd, kind: kind, fdinfo: parseFdinfo(text)}
		if kind == socket {
			if d.inode != 0 && d.inode != inode {
				continue // the number has become another file's
			}
			d.inode = inode
		}
		all = append(all, d)
	}
	return all, nil
}

// numbers are the names in a directory that are some.
func numbers(dir string) ([]int, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			all = append(all, n)
		}
	}
	return all, nil
}

// namespace is the inode number of one, or 0 if that may not be seen.
func namespace(pid int, kind string) uint64 {
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	if err != nil {
		return 0
	}
	number := strings.TrimSuffix(strings.TrimPrefix(link, kind+":["), "]")
	inode, _ := strconv.ParseUint(number, 10, 64)
	return inode
}

// readTables reads the unix sockets of each network namespace. A socket is in that in
// which it was made, wherever its holder is.
func readTables(tables map[uint64]int, sockets map[uint64]unixSocket) {
	for _, pid := range tables {
		// The kernel leaves some out when others come and go between two reads of one table.
		for range 2 {
			// Where there are no sockets, or nobody any more, there is no table.
			if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/unix", pid)); err == nil {
				parseSockets(b, sockets)
			}
		}
	}
}

// commands puts command lines in the place of names. They are read for few: the kernel
// takes them out of the memory of the process, and waits for that if need be.
func (s *Sight) commands() {
	known := map[int]string{}
	read := func(p *Process) {
		if p.Command == "" {
			return // ended, or not ours to see
		}
		command, found := known[p.PID]
		if !found {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID)) // none: the name stays
			command = string(bytes.ReplaceAll(bytes.TrimRight(b, "\x00"), []byte{0}, []byte{' '}))
			known[p.PID] = command
		}
		if command != "" {
			p.Command = command
		}
	}
	readHolders := func(holders []Holder) {
		for i := range holders {
			read(&holders[i].Process)
		}
	}
	for _, h := range s.Handles {
		if h.Child != nil && !h.Ended {
			read(h.Child)
		}
		readHolders(h.Holders)
	}
	for _, f := range s.Flights {
		readHolders(f.Holders)
	}
}
