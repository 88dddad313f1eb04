//go:build linux

package testproc

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	docker "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// A Container is what runc or crun makes as the Docker engine would have it: namespaces,
// capabilities, masked paths and seccomp profile. Its programs are this machine's.
type Container struct {
	Args     []string // of this test binary, which is pid 1; the first is its name
	Env      []string
	Inherits int  // descriptors beyond the standard ones
	Terminal bool // it has one of its own; the caller's standard input must be one
}

// Command is what starts it. It skips where there is no runtime.
func (c Container) Command(t testing.TB) *exec.Cmd {
	t.Helper()
	var runtime []string
	if path, err := exec.LookPath("runc"); err == nil {
		runtime = []string{path}
	} else if path, err := exec.LookPath("crun"); err == nil {
		runtime = []string{path, "--cgroup-manager=disabled"} // not every machine lets us make a cgroup
	} else {
		t.Skip("needs runc or crun: apt-get install runc")
	}
	bundle := t.TempDir()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := c.spec(self, filepath.Join(bundle, "rootfs"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	runtime = append(runtime, "--root", filepath.Join(bundle, "state"), "run", "--preserve-fds", strconv.Itoa(c.Inherits), "--bundle", bundle, "autokill-test-"+strconv.Itoa(os.Getpid()))
	return exec.CommandContext(t.Context(), runtime[0], runtime[1:]...)
}

// spec makes the root directory of the container and describes the rest.
func (c Container) spec(binary, root string) (*specs.Spec, error) {
	tmpfs := func(dir string, options ...string) specs.Mount {
		return specs.Mount{Destination: dir, Type: "tmpfs", Source: "tmpfs", Options: append([]string{"nosuid"}, options...)}
	}
	bind := func(from, to string) specs.Mount {
		return specs.Mount{Destination: to, Type: "bind", Source: from, Options: []string{"rbind", "ro"}}
	}
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		tmpfs("/dev", "mode=755", "size=65536k"),
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		tmpfs("/dev/shm", "noexec", "nodev", "mode=1777", "size=65536k"),
		tmpfs("/tmp", "mode=1777"),
		bind(binary, "/"+c.Args[0]),
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	for _, dir := range []string{"/usr", "/etc", "/bin", "/lib", "/lib64"} {
		to, err := os.Readlink(dir)
		switch {
		case err == nil:
			err = os.Symlink(to, filepath.Join(root, dir))
		case errors.Is(err, os.ErrNotExist):
			err = nil
		default:
			err = nil
			mounts = append(mounts, bind(dir, dir))
		}
		if err != nil {
			return nil, err
		}
	}
	names := DockerCapabilities()
	spec := &specs.Spec{
		Version: "1.0.2", // old runtimes refuse newer ones
		Process: &specs.Process{
			Args: append([]string{"/" + c.Args[0]}, c.Args[1:]...), Env: c.Env, Cwd: "/", Terminal: c.Terminal,
			Capabilities: &specs.LinuxCapabilities{Bounding: names, Effective: names, Permitted: names},
		},
		Root:     &specs.Root{Path: root},
		Hostname: "container",
		Mounts:   mounts,
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace},
				{Type: specs.MountNamespace},
				{Type: specs.NetworkNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
			},
			MaskedPaths:   []string{"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi"},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	profile, err := docker.GetDefaultProfile(spec)
	spec.Linux.Seccomp = profile
	return spec, err
}
