package kernels

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Types of files as cpio and stat(2) write them.
const (
	modeDir     = 0o040000
	modeChar    = 0o020000
	modeRegular = 0o100000
	modeLink    = 0o120000
)

// A cpioWriter writes an archive in the format that the kernel unpacks at boot
// ("newc", Documentation/driver-api/early-userspace/buffer-format.rst).
// Everything belongs to root, and nothing has a time. The first error sticks
// and comes out of close.
type cpioWriter struct {
	out  *bufio.Writer
	made map[string]bool // directories that are there
	ino  int
	size int
	err  error
}

func newCPIO(out io.Writer) *cpioWriter {
	return &cpioWriter{out: bufio.NewWriterSize(out, 1<<20), made: map[string]bool{".": true, "/": true}}
}

// file writes a copy of a file of this machine.
func (w *cpioWriter) file(name, from string, perm fs.FileMode) {
	content, err := os.ReadFile(from)
	if err != nil {
		w.fail(err)
		return
	}
	w.entry(name, modeRegular|uint32(perm.Perm()), 0, content)
}

// text writes a file with that content.
func (w *cpioWriter) text(name, content string, perm fs.FileMode) {
	w.entry(name, modeRegular|uint32(perm.Perm()), 0, []byte(content))
}

// link writes a symbolic link.
func (w *cpioWriter) link(name, target string) {
	w.entry(name, modeLink|0o777, 0, []byte(target))
}

// dir writes a directory that belongs to a user and the group of that number.
func (w *cpioWriter) dir(name string, perm fs.FileMode, uid uint32) {
	w.made[path.Clean(name)] = true
	w.entry(name, modeDir|uint32(perm.Perm()), uid, nil)
}

// device writes a character device.
func (w *cpioWriter) device(name string, perm fs.FileMode, major, minor uint32) {
	w.parents(name)
	w.header(name, modeChar|uint32(perm.Perm()), 0, 0, major, minor)
}

// entry writes anything but a device.
func (w *cpioWriter) entry(name string, mode, uid uint32, content []byte) {
	w.parents(name)
	w.header(name, mode, uid, len(content), 0, 0)
	w.write(content)
	w.pad()
}

// parents makes the directories above name.
func (w *cpioWriter) parents(name string) {
	above := path.Dir(path.Clean(name))
	if !w.made[above] {
		w.dir(above, 0o755, 0)
	}
}

// header writes the record's head: 13 numbers of 8 hexadecimal digits, and
// the name without the leading slash.
func (w *cpioWriter) header(name string, mode, uid uint32, size int, major, minor uint32) {
	w.ino++
	name = strings.TrimPrefix(name, "/")
	const links, mtime, deviceMajor, deviceMinor, check = 1, 0, 0, 0, 0
	w.write(fmt.Appendf(nil, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		w.ino, mode, uid, uid, links, mtime, size, deviceMajor, deviceMinor, major, minor, len(name)+1, check, name))
	w.pad()
}

// pad fills up to the next multiple of four.
func (w *cpioWriter) pad() {
	w.write(make([]byte, -w.size&3))
}

func (w *cpioWriter) write(p []byte) {
	if w.err != nil {
		return
	}
	n, err := w.out.Write(p)
	w.size += n
	w.err = err
}

func (w *cpioWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// close writes the record that ends the archive.
func (w *cpioWriter) close() error {
	w.header("TRAILER!!!", 0, 0, 0, 0, 0)
	if w.err != nil {
		return w.err
	}
	return w.out.Flush()
}
