//go:build linux

package kernels

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// fresh is how long an index is believed without asking the mirror again.
const fresh = 24 * time.Hour

// An Archive takes packages from a mirror, by apt with a state of its own: the
// machine's package lists are neither read nor changed. Signatures are
// checked by apt, with the keys that the machine trusts for that mirror.
type Archive struct {
	Mirror Mirror
	Dir    string      // the cache; may be shared by many runs
	Log    *log.Logger // says what takes time
}

// A Kernel is a kernel image on this machine.
type Kernel struct {
	Series  Series
	Package Package
	Image   string
}

// CacheDir is the directory that packages and indexes are kept in.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "autokill", "kernels"), nil
}

// Fetch unpacks the newest kernel of a series into the directory dir.
func (a Archive) Fetch(ctx context.Context, series Series, arch Arch, dir string) (Kernel, error) {
	image := filepath.Join(dir, "vmlinuz-"+series.Name+"-"+arch.Name)
	pkg, err := a.unpack(ctx, series, arch, imagePackage(arch), "vmlinuz*", image)
	return Kernel{Series: series, Package: pkg, Image: image}, err
}

// Busybox unpacks a busybox that runs without shared libraries into the
// directory dir. (The package busybox has one that is linked dynamically.)
func (a Archive) Busybox(ctx context.Context, arch Arch, dir string) (string, error) {
	name := filepath.Join(dir, "busybox-"+arch.Name)
	_, err := a.unpack(ctx, busybox, arch, `^busybox-static$`, "busybox", name)
	return name, err
}

// unpack takes a file out of the newest package of a series. Which packages
// may be it says a regular expression, and which file a pattern for its name.
func (a Archive) unpack(ctx context.Context, series Series, arch Arch, packages, file, target string) (Package, error) {
	if err := os.MkdirAll(a.Dir, 0o755); err != nil {
		return Package{}, err
	}
	unlock, err := lock(filepath.Join(a.Dir, "lock"))
	if err != nil {
		return Package{}, err
	}
	defer unlock()
	apt, err := a.suite(series, arch)
	if err != nil {
		return Package{}, err
	}
	asked, err := a.update(ctx, apt, series)
	if err != nil {
		return Package{}, err
	}
	pkg, deb, err := a.newestDeb(ctx, apt, series, packages)
	if err != nil && !asked {
		// What an index of this morning names may have left the mirror since.
		a.Log.Printf("%v", err)
		if err := os.Remove(apt.stamp()); err != nil {
			return Package{}, err
		}
		if _, err := a.update(ctx, apt, series); err != nil {
			return Package{}, err
		}
		pkg, deb, err = a.newestDeb(ctx, apt, series, packages)
	}
	if err != nil {
		return Package{}, err
	}
	return pkg, unpackFile(ctx, deb, file, target)
}

// newestDeb finds the newest package of the series and answers its file.
func (a Archive) newestDeb(ctx context.Context, apt aptState, series Series, packages string) (Package, string, error) {
	records, err := apt.output(ctx, "apt-cache", "search", "--names-only", "--full", packages)
	if err != nil {
		return Package{}, "", err
	}
	all, err := parsePackages(bytes.NewReader(records))
	if err != nil {
		return Package{}, "", err
	}
	pkg, err := newest(series, all)
	if err != nil {
		return Package{}, "", err
	}
	deb := filepath.Join(a.Dir, path.Base(pkg.Filename))
	return pkg, deb, a.download(ctx, apt, pkg, deb)
}

// lock keeps two runs from changing the cache at once. The lock is the open
// file's (flock(2)): it ends with the process.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("flock %s: %w", name, err)
	}
	return func() { _ = f.Close() }, nil
}

// aptState is apt's directories and options for one suite.
type aptState struct {
	dir     string
	entry   string // the only source
	options []string
}

// stamp is the file that holds the source whose index is there, and is as old
// as the index.
func (s aptState) stamp() string { return filepath.Join(s.dir, "updated") }

// suite sets up the state for the suite of a series.
func (a Archive) suite(series Series, arch Arch) (aptState, error) {
	dir := filepath.Join(a.Dir, series.Suite+"-"+arch.Name)
	for _, sub := range []string{"sources", "lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return aptState{}, err
		}
	}
	entry := fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: %s\nTargets: Packages\n",
		a.Mirror.URI, series.Suite, arch.Name)
	if a.Mirror.SignedBy != "" {
		entry += "Signed-By: " + a.Mirror.SignedBy + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "sources", "debian.sources"), []byte(entry), 0o644); err != nil {
		return aptState{}, err
	}
	return aptState{dir: dir, entry: entry, options: []string{
		"-oDir::Etc::SourceList=/dev/null",
		"-oDir::Etc::SourceParts=" + filepath.Join(dir, "sources"),
		"-oDir::State::Lists=" + filepath.Join(dir, "lists"),
		"-oDir::Cache=" + filepath.Join(dir, "cache"),
		"-oDir::State::Status=/dev/null",
		"-oAPT::Architecture=" + arch.Name,
		"-oAPT::Sandbox::User=root",
		"-oAPT::Update::Error-Mode=any",
		"-qq",
	}}, nil
}

func (s aptState) output(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, append(s.options[:len(s.options):len(s.options)], args...)...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", program, args[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out, nil
}

// update gets the index of the suite, unless there is one of today, and tells
// whether it asked the mirror.
func (a Archive) update(ctx context.Context, apt aptState, series Series) (asked bool, err error) {
	var age time.Duration
	have := false
	if entry, err := os.ReadFile(apt.stamp()); err == nil && string(entry) == apt.entry {
		info, err := os.Stat(apt.stamp())
		if err != nil {
			return false, err
		}
		have, age = true, time.Since(info.ModTime())
	}
	if have && age < fresh {
		return false, nil
	}
	a.Log.Printf("fetching the index of %s", series.Suite)
	_, err = apt.output(ctx, "apt-get", "update")
	switch {
	case err == nil:
		return true, os.WriteFile(apt.stamp(), []byte(apt.entry), 0o644)
	case have:
		a.Log.Printf("going on with an index of %s that is %v old: %v", series.Suite, age.Round(time.Hour), err)
		return true, nil
	}
	return true, fmt.Errorf("the mirror of this machine does not give %s, where %s is (an old suite leaves the mirrors one day): %w",
		series.Suite, series.Name, err)
}

// download makes sure that the file deb is the package. One that is there but
// is not what the index says is fetched again.
func (a Archive) download(ctx context.Context, apt aptState, pkg Package, deb string) error {
	err := verify(deb, pkg.SHA256)
	if err == nil {
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		a.Log.Printf("fetching again: %v", err)
		if err := os.Remove(deb); err != nil {
			return err
		}
	}
	a.Log.Printf("fetching %s %s", pkg.Name, pkg.Version)
	parts, err := os.MkdirTemp(a.Dir, "fetch-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(parts) }()
	get := apt
	get.dir = parts
	if _, err := get.output(ctx, "apt-get", "download", pkg.Name+"="+pkg.Version); err != nil {
		return err
	}
	got, err := filepath.Glob(filepath.Join(parts, "*.deb"))
	if err != nil || len(got) != 1 {
		return fmt.Errorf("apt-get download %s left %d files", pkg.Name, len(got))
	}
	if err := verify(got[0], pkg.SHA256); err != nil {
		return err
	}
	return os.Rename(got[0], deb)
}

func verify(name, sum string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return fmt.Errorf("%s has the SHA256 %s, the index says %s", name, got, sum)
	}
	return nil
}

// unpackFile takes a file out of a package.
func unpackFile(ctx context.Context, deb, file, target string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // what comes behind it, a kernel's modules, need not be unpacked
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = extract(out, file, target)
	stop()
	_ = cmd.Wait() // killed as a rule; what counts is that the file was whole
	if err != nil {
		return fmt.Errorf("%s: %w", deb, err)
	}
	return nil
}

// extract copies the first file of an archive whose name matches the pattern.
func extract(files io.Reader, file, target string) error {
	archive := tar.NewReader(files)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("no %s in the package", file)
		}
		if err != nil {
			return err
		}
		matches, err := path.Match(file, path.Base(header.Name))
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg || !matches {
			continue
		}
		f, err := os.Create(target)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, archive)
		return errors.Join(err, f.Close())
	}
}
