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

func TestExtractImage(t *testing.T) {
	for _, test := range []struct {
		name    string
		files   []string
		failure string
	}{
		{"below boot", []string{"./boot/config-5.10", "./boot/vmlinuz-5.10", "./lib/modules/a.ko"}, ""},
		{"below usr/lib/modules", []string{"./usr/lib/modules/7.3/vmlinuz"}, ""},
		{"not there", []string{"./usr/share/doc/copyright"}, "no vmlinuz"},
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
			image := filepath.Join(t.TempDir(), "image")
			err := extractImage(&files, image)
			if test.failure != "" {
				if err == nil || !strings.Contains(err.Error(), test.failure) {
					t.Fatalf("error %v, want %q", err, test.failure)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(image); err != nil || !strings.Contains(string(got), "vmlinuz") {
				t.Errorf("the image is %q, %v", got, err)
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
