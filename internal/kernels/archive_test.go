//go:build linux

package kernels

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExtract(t *testing.T) {
	for _, test := range []struct {
		name    string
		files   []string
		pattern string
		want    string
		failure string
	}{
		{"below boot", []string{"./boot/config-5.10", "./boot/vmlinuz-5.10", "./lib/modules/a.ko"}, "vmlinuz*", "./boot/vmlinuz-5.10", ""},
		{"below usr/lib/modules", []string{"./usr/lib/modules/7.3/vmlinuz"}, "vmlinuz*", "./usr/lib/modules/7.3/vmlinuz", ""},
		{"the first of that name", []string{"./a/busybox.md", "./bin/busybox", "./usr/busybox"}, "busybox", "./bin/busybox", ""},
		{"not there", []string{"./usr/share/doc/copyright"}, "vmlinuz*", "", "no vmlinuz"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var files bytes.Buffer
			w := tar.NewWriter(&files)
			for _, name := range test.files {
				if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(name))}); err != nil {
					t.Fatal(err)
				}
				if _, err := w.Write([]byte(name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			target := filepath.Join(t.TempDir(), "file")
			err := extract(&files, test.pattern, target)
			if test.failure != "" {
				if err == nil || !strings.Contains(err.Error(), test.failure) {
					t.Fatalf("error %v, want %q", err, test.failure)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(target); err != nil || string(got) != test.want {
				t.Errorf("the file is %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	name := filepath.Join(t.TempDir(), "deb")
	if err := os.WriteFile(name, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The first test vector of FIPS 180.
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if err := verify(name, sum); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(name, []byte("abd"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := verify(name, sum); err == nil || !strings.Contains(err.Error(), sum) {
		t.Errorf("a changed file: %v", err)
	}
}
