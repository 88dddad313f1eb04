package kernels

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/autokill/autokill/internal/kernels/guest"
)

// sources is where the machine has a copy of the module: a test runs in its
// package's directory there, as under go test.
const sources = "/src"

// A user is somebody the tests run as.
type user struct {
	name, home string
	id         uint32 // of the user and of the group
}

// users are both: who may do everything, and who may do nothing special.
var users = []user{
	{name: "root", home: "/root"},
	{name: "user", home: "/home/user", id: 1000},
}

// applets are the programs that busybox plays, as far as Debian 12's has them.
var applets = strings.Fields(`
	awk basename cat chmod chown cp cut date dd dirname echo env expr false
	find grep head hostname id kill killall ln ls mkdir mkfifo mknod mount mv nc
	pidof printf ps pwd readlink rm rmdir sed seq setsid sh
	sleep sort stat stty su sync tail tee test timeout top touch tr true tty
	umount uname unshare usleep vi wc which xargs yes`)

// files are further files of the machine.
var files = map[string]string{
	"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
	"/etc/hostname":      "matrix\n",
	"/etc/shells":        "/bin/sh\n",
}

// An Initramfs is the whole content of a machine.
type Initramfs struct {
	Suite
	Busybox string
	Series  string    // what the tests see as [guest.KernelVariable]
	Lot     guest.Lot // of the tests, if machines have them between them
}

// Jobs is the list of jobs: every binary as every user that is asked for, or in turns that share its tests.
func (i Initramfs) Jobs() []guest.Job {
	var jobs []guest.Job
	if !i.shared() {
		for _, u := range i.asked(users) {
			for _, b := range i.Binaries.Tests {
				jobs = append(jobs, i.job(b, u))
			}
		}
		return jobs
	}
	root, ordinary := users[0], users[1]
	for _, b := range i.Binaries.Tests {
		for turn, u := range []user{guest.First: root, guest.Second: ordinary, guest.Last: root} {
			job := i.job(b, u)
			job.Share = &guest.Share{Seed: i.Seed, Lot: i.Lot, Turn: guest.Turn(turn), Both: []string{contract}}
			jobs = append(jobs, job)
		}
	}
	return jobs
}

func (i Initramfs) job(b TestBinary, u user) guest.Job {
	return guest.Job{
		Package: b.Package,
		User:    u.name,
		UID:     u.id,
		GID:     u.id,
		Path:    inside(b),
		Args:    i.args(),
		Env: append([]string{
			"PATH=/bin",
			"HOME=" + u.home,
			"USER=" + u.name,
			"LOGNAME=" + u.name,
			"SHELL=/bin/sh",
			"TMPDIR=/tmp",
			guest.KernelVariable + "=" + i.Series,
		}, i.Env...),
		Dir:     path.Join(sources, b.Dir),
		Timeout: i.patience(),
	}
}

// inside is where a test binary lies in the machine.
func inside(b TestBinary) string { return path.Join("/tests", filepath.Base(b.File)) }

// Write makes the archive that the kernel unpacks.
func (i Initramfs) Write(name string) error {
	jobs, err := json.Marshal(i.Jobs())
	if err != nil {
		return err
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(i.fill(out, string(jobs)), out.Close())
}

// fill writes the archive.
func (i Initramfs) fill(out io.Writer, jobs string) error {
	w := newCPIO(out)
	// The Go runtime opens /dev/null where a standard descriptor is missing,
	// before our init can mount anything.
	w.device("/dev/console", 0o600, 5, 1)
	w.device("/dev/null", 0o666, 1, 3)
	w.file("/init", i.Binaries.Init, 0o755)
	w.text(guest.JobsPath, jobs, 0o644)
	w.file("/bin/busybox", i.Busybox, 0o755)
	for _, applet := range applets {
		w.link("/bin/"+applet, "busybox")
	}
	var passwd, group strings.Builder
	for _, u := range users {
		fmt.Fprintf(&passwd, "%s:x:%d:%d::%s:/bin/sh\n", u.name, u.id, u.id, u.home)
		fmt.Fprintf(&group, "%s:x:%d:\n", u.name, u.id)
		w.dir(u.home, 0o700, u.id)
	}
	w.text("/etc/passwd", passwd.String(), 0o644)
	w.text("/etc/group", group.String()+"tty:x:5:\n", 0o644)
	for name, content := range files {
		w.text(name, content, 0o644)
	}
	for _, b := range i.Binaries.Tests {
		w.file(inside(b), b.File, 0o755)
	}
	if err := copyModule(w, i.Binaries.Root); err != nil {
		return err
	}
	return w.close()
}

// largeFile is what no source is: programs that somebody built and left lying
// stay out of the machine. Below testdata everything goes in.
const largeFile = 1 << 20

// copyModule puts the module's sources into the machine: tests read their
// testdata, and some of them the documents and the code.
func copyModule(w *cpioWriter, root string) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = copyEntry(w, root, name, entry)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since the directory was read: an editor is at work
		}
		return err
	})
}

func copyEntry(w *cpioWriter, root, name string, entry fs.DirEntry) error {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(rel)
	target := path.Join(sources, rel)
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		if rel != "." && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		w.dir(target, 0o755, 0)
	case fs.ModeSymlink:
		to, err := os.Readlink(name)
		if err != nil {
			return err
		}
		w.link(target, to)
	case 0:
		if info.Size() > largeFile && !strings.Contains("/"+rel, "/testdata/") {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		w.text(target, string(content), info.Mode())
	}
	return nil
}
