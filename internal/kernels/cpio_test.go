package kernels

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// A record is what the kernel would unpack.
type record struct {
	name         string
	mode, uid    uint64
	major, minor uint64
	content      string
}

// readCPIO reads an archive as Documentation/driver-api/early-userspace/buffer-format.rst
// describes it, and fails if anything is left over.
func readCPIO(t *testing.T, archive []byte) []record {
	t.Helper()
	var all []record
	at := 0
	take := func(n int) string {
		if at+n > len(archive) {
			t.Fatalf("the archive ends at %d, in something of %d bytes at %d", len(archive), n, at)
		}
		at += n
		return string(archive[at-n : at])
	}
	align := func() { at = (at + 3) &^ 3 }
	for {
		if magic := take(6); magic != "070701" {
			t.Fatalf("magic %q at %d", magic, at-6)
		}
		var field [13]uint64
		for i := range field {
			n, err := strconv.ParseUint(take(8), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			field[i] = n
		}
		name := take(int(field[11]))
		align()
		content := take(int(field[6]))
		align()
		if name == "TRAILER!!!\x00" {
			if at != len(archive) {
				t.Fatalf("%d bytes after the trailer", len(archive)-at)
			}
			return all
		}
		all = append(all, record{name[:len(name)-1], field[1], field[2], field[9], field[10], content})
	}
}

func TestCPIO(t *testing.T) {
	from := filepath.Join(t.TempDir(), "from")
	if err := os.WriteFile(from, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := newCPIO(&archive)
	w.device("/dev/null", 0o666, 1, 3)
	w.file("/tests/a/b", from, 0o755)
	w.text("/tests/a/c", "", 0o644)
	w.link("/tests/sh", "busybox")
	w.dir("/home/user", 0o700, 1000)
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	want := []record{
		{name: "dev", mode: 0o040755},
		{name: "dev/null", mode: 0o020666, major: 1, minor: 3},
		{name: "tests", mode: 0o040755},
		{name: "tests/a", mode: 0o040755},
		{name: "tests/a/b", mode: 0o100755, content: "12345"},
		{name: "tests/a/c", mode: 0o100644},
		{name: "tests/sh", mode: 0o120777, content: "busybox"},
		{name: "home", mode: 0o040755},
		{name: "home/user", mode: 0o040700, uid: 1000},
	}
	if got := readCPIO(t, archive.Bytes()); !slices.Equal(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestCPIOKeepsTheFirstError(t *testing.T) {
	w := newCPIO(&bytes.Buffer{})
	w.file("/a", filepath.Join(t.TempDir(), "missing"), 0o644)
	w.text("/b", "b", 0o644)
	if err := w.close(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that the file is missing", err)
	}
}
