//go:build linux && (amd64 || arm64)

package pidfd

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// headersEnv names a folder with the kernel's headers: usr/include in it.
const headersEnv = "AUTOKILL_KERNEL_HEADERS"

// headers are the preprocessor definitions of some of the kernel's headers, and
// their text.
type headers struct {
	t       *testing.T
	text    map[string]string // by name, without comments
	defines map[string]string
}

var (
	comment = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	define  = regexp.MustCompile(`(?m)^\s*#\s*define\s+(\w+)[ \t]+(\S[^\n]*?)\s*$`)
)

// kernelHeaders reads the headers that the environment names, or those of this
// machine if they are new enough to have what Linux 7.1 brought.
func kernelHeaders(t *testing.T) headers {
	t.Helper()
	root := os.Getenv(headersEnv)
	if root == "" {
		root = "/"
	}
	h := headers{t: t, text: map[string]string{}, defines: map[string]string{}}
	for _, name := range []string{
		"linux/pidfd.h", "linux/sched.h", "asm-generic/fcntl.h", "asm-generic/siginfo.h", "asm-generic/signal.h",
	} {
		text, err := os.ReadFile(filepath.Join(root, "usr/include", name))
		if err != nil {
			h.skip(err)
		}
		h.text[name] = comment.ReplaceAllString(string(text), "")
		for _, m := range define.FindAllStringSubmatch(h.text[name], -1) {
			h.defines[m[1]] = m[2]
		}
	}
	if _, ok := h.defines["PIDFD_INFO_SIZE_VER3"]; !ok {
		h.skip(fmt.Errorf("%s/usr/include is older than Linux 7.1", strings.TrimSuffix(root, "/")))
	}
	return h
}

func (h headers) skip(why error) {
	h.t.Helper()
	if os.Getenv(headersEnv) != "" {
		h.t.Fatalf("%s: %v", headersEnv, why)
	}
	h.t.Skipf("NOT CHECKED against the kernel's headers: %v\n"+
		"to check: %s=$(.ci/headers) go test ./pidfd", why, headersEnv)
}

var (
	number = regexp.MustCompile(`^(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*$`)
	shift  = regexp.MustCompile(`^\(?([0-9]+)[uUlL]*\s*<<\s*([0-9]+)\)?$`)
	ioctl  = regexp.MustCompile(`^_IO\(\s*(\w+)\s*,\s*(\d+)\s*\)$`)
	ioctlS = regexp.MustCompile(`^_IOWR\(\s*(\w+)\s*,\s*(\d+)\s*,\s*struct\s+(\w+)\s*\)$`)
)

// value computes what a name is defined as.
func (h headers) value(name string) uint64 {
	h.t.Helper()
	expr, ok := h.defines[name]
	if !ok {
		h.t.Errorf("the headers do not define %s", name)
		return 0
	}
	return h.eval(expr)
}

func (h headers) eval(expr string) uint64 {
	h.t.Helper()
	if m := number.FindStringSubmatch(expr); m != nil {
		v, err := strconv.ParseUint(m[1], 0, 64)
		if err != nil {
			h.t.Error(err)
		}
		return v
	}
	if m := shift.FindStringSubmatch(expr); m != nil {
		return h.eval(m[1]) << h.eval(m[2])
	}
	if m := ioctl.FindStringSubmatch(expr); m != nil {
		return h.value(m[1])<<8 | h.eval(m[2])
	}
	if m := ioctlS.FindStringSubmatch(expr); m != nil {
		_, size := h.layout(m[3])
		return 3<<30 | uint64(size)<<16 | h.value(m[1])<<8 | h.eval(m[2])
	}
	return h.value(expr)
}

var (
	field = regexp.MustCompile(`(?m)^\s*(__u64|__aligned_u64|__u32|__s32)\s+(\w+)\s*;`)
	sizes = map[string]int{"__u64": 8, "__aligned_u64": 8, "__u32": 4, "__s32": 4}
)

// layout computes the offsets of a struct's fields by the rules of C.
func (h headers) layout(name string) (offsets map[string]int, size int) {
	h.t.Helper()
	offsets = map[string]int{}
	for _, text := range h.text {
		_, body, found := strings.Cut(text, "struct "+name+" {")
		if !found {
			continue
		}
		body, _, _ = strings.Cut(body, "\n};")
		for _, m := range field.FindAllStringSubmatch(body, -1) {
			width := sizes[m[1]]
			size = (size + width - 1) / width * width
			offsets[m[2]] = size
			size += width
		}
		return offsets, (size + 7) / 8 * 8
	}
	h.t.Errorf("the headers do not have struct %s", name)
	return nil, 0
}

func TestHeaderConstants(t *testing.T) {
	h := kernelHeaders(t)
	for name, ours := range map[string]uint64{
		"PIDFD_NONBLOCK":             uint64(NonBlock),
		"PIDFD_THREAD":               uint64(Thread),
		"O_TRUNC":                    autokillBit, // PIDFD_AUTOKILL, not exported to user space
		"PIDFD_SIGNAL_THREAD":        uint64(ToThread),
		"PIDFD_SIGNAL_THREAD_GROUP":  uint64(ToThreadGroup),
		"PIDFD_SIGNAL_PROCESS_GROUP": uint64(ToProcessGroup),
		"_NSIG":                      maxSignal,
		"PIDFD_INFO_SIZE_VER0":       infoSizeMin,
		"PIDFD_INFO_SIZE_VER1":       72,
		"PIDFD_INFO_SIZE_VER2":       80,
		"PIDFD_INFO_SIZE_VER3":       infoSize,
		"PIDFD_GET_INFO":             ioctlGetInfo,
		"CLD_EXITED":                 cldExited,
		"CLD_KILLED":                 cldKilled,
		"CLD_DUMPED":                 cldDumped,
	} {
		if want := h.value(name); ours != want {
			t.Errorf("%s is %#x, we have %#x", name, want, ours)
		}
	}
	for kind := CgroupNamespace; kind <= UTSNamespace; kind++ {
		name := fmt.Sprintf("PIDFD_GET_%s_NAMESPACE", strings.ToUpper(kind.String()))
		if want, ours := h.value(name), ioctlMagic|uint64(kind); ours != want {
			t.Errorf("%s is %#x, we have %#x", name, want, ours)
		}
	}
}

// Every flag we have is as the headers say, and every flag they have is ours.
func TestHeaderFlags(t *testing.T) {
	h := kernelHeaders(t)
	for _, set := range []struct {
		prefix string
		names  []bitName
		not    []string
	}{
		{"PIDFD_INFO_", infoNames, []string{
			"PIDFD_INFO_SIZE_VER0", "PIDFD_INFO_SIZE_VER1", "PIDFD_INFO_SIZE_VER2", "PIDFD_INFO_SIZE_VER3",
		}},
		{"PIDFD_COREDUMP", coredumpNames, nil},
		{"CLONE_", cloneNames, []string{
			"CLONE_DETACHED",
			"CLONE_ARGS_SIZE_VER0", "CLONE_ARGS_SIZE_VER1", "CLONE_ARGS_SIZE_VER2",
		}},
	} {
		known := map[string]bool{}
		for _, n := range set.names {
			known[n.name] = true
			if want := h.value(n.name); n.bit != want {
				t.Errorf("%s is %#x, we have %#x", n.name, want, n.bit)
			}
		}
		for _, name := range set.not {
			known[name] = true
		}
		for name := range h.defines {
			if strings.HasPrefix(name, set.prefix) && !known[name] {
				t.Errorf("the kernel has %s, we do not", name)
			}
		}
	}
	var all CloneFlags
	for _, n := range cloneNames {
		all |= CloneFlags(n.bit)
	}
	if all != knownCloneFlags {
		t.Errorf("known flags %v have no name, or the other way round", all^knownCloneFlags)
	}
}

// A reply that is laid out by the header is read field by field.
func TestHeaderInfoLayout(t *testing.T) {
	h := kernelHeaders(t)
	offsets, size := h.layout("pidfd_info")
	if size != infoSize {
		t.Fatalf("struct pidfd_info has %d bytes, we have %d", size, infoSize)
	}
	reply := make([]byte, size)
	value := map[string]uint32{}
	put := func(name string) uint32 {
		at, ok := offsets[name]
		if !ok {
			t.Fatalf("struct pidfd_info has no %s", name)
		}
		value[name] = rand.Uint32N(1<<30) + 1
		binary.NativeEndian.PutUint32(reply[at:], value[name])
		return value[name]
	}
	all := InfoMask(1<<8 - 1)
	binary.NativeEndian.PutUint64(reply[offsets["mask"]:], uint64(all))
	binary.NativeEndian.PutUint64(reply[offsets["supported_mask"]:], uint64(all))
	want := Info{
		Asked: InfoExit, Answered: all, supported: all,
		cgroup: uint64(put("cgroupid")),
		ids:    IDs{int(put("pid")), int(put("tgid")), int(put("ppid"))},
		creds: Creds{
			RUID: put("ruid"), RGID: put("rgid"), EUID: put("euid"), EGID: put("egid"),
			SUID: put("suid"), SGID: put("sgid"), FSUID: put("fsuid"), FSGID: put("fsgid"),
		},
		exit:           put("exit_code"),
		coredump:       CoredumpMask(put("coredump_mask")),
		coredumpSignal: put("coredump_signal"),
		coredumpCode:   int32(put("coredump_code")),
	}
	have, err := parseInfo(InfoExit, reply)
	if err != nil || have != want {
		t.Errorf("have %+v, %v\nwant %+v", have, err, want)
	}
}

func TestHeaderCloneArgs(t *testing.T) {
	h := kernelHeaders(t)
	_, size := h.layout("clone_args")
	if want := h.value("CLONE_ARGS_SIZE_VER2"); uint64(size) != want {
		t.Fatalf("the layout parser counts %d bytes of %d", size, want)
	}
}

func TestHeaderLayoutParser(t *testing.T) {
	h := headers{t: t, text: map[string]string{"x": "struct s {\n\t__u32 a;\n\t__u64 b;\n\tstruct {\n\t\t__s32 c;\n\t};\n};"}}
	offsets, size := h.layout("s")
	if offsets["a"] != 0 || offsets["b"] != 8 || offsets["c"] != 16 || size != 24 {
		t.Errorf("%v, %d", offsets, size)
	}
	if v := h.eval("(3ULL << 4)"); v != 48 {
		t.Errorf("%d", v)
	}
	if v := h.eval("00000200"); syscall.O_EXCL != v {
		t.Errorf("%#x", v)
	}
}
