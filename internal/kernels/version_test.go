package kernels

import (
	"cmp"
	"regexp"
	"strings"
	"testing"
)

// records is what apt-cache search --full prints for a suite with a split
// kernel, an older one, and a series that is not asked for.
const records = `Package: linux-binary-7.3.4+deb13-cloud-amd64
Source: linux-signed-amd64 (7.3.4+1~bpo13+1)
Version: 7.3.4-1~bpo13+1
Depends: linux-base-7.3.4+deb13-cloud-amd64 (= 7.3.4-1~bpo13+1)
Description: Linux 7.3.4 for x86-64 cloud (kernel image)
Filename: pool/main/l/linux-signed-amd64/linux-binary-7.3.4+deb13-cloud-amd64_7.3.4-1~bpo13+1_amd64.deb
Size: 13604064
SHA256: c4fb

Package: linux-image-7.3.4+deb13-cloud-amd64
Version: 7.3.4-1~bpo13+1
Filename: pool/linux-image-7.3.4.deb
SHA256: 4545

Package: linux-image-6.19.8+deb13-cloud-amd64
Version: 6.19.8-1~bpo13+1
Filename: pool/linux-image-6.19.8.deb
SHA256: 0619

Package: linux-binary-7.3.12+deb13-cloud-amd64
Version: 7.3.12-1~bpo13+1
Filename: pool/linux-binary-7.3.12.deb
SHA256: 0712
`

func TestNewest(t *testing.T) {
	all, err := parsePackages(strings.NewReader(records))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 || all[0].SHA256 != "c4fb" || !strings.HasSuffix(all[0].Filename, "_amd64.deb") {
		t.Fatalf("parsed %+v", all)
	}
	split := all[:2]
	swapped := []Package{all[1], all[0]}
	tests := []struct {
		name    string
		series  string
		all     []Package
		want    string
		failure string
	}{
		{"the numbers decide, not the text", "7.3", all, "linux-binary-7.3.12+deb13-cloud-amd64", ""},
		{"of a split kernel the half with the image", "7.3", split, "linux-binary-7.3.4+deb13-cloud-amd64", ""},
		{"in any order", "7.3", swapped, "linux-binary-7.3.4+deb13-cloud-amd64", ""},
		{"another series", "6.19", all, "linux-image-6.19.8+deb13-cloud-amd64", ""},
		{"6.1 is not 6.19", "6.1", all, "", "suite has no 6.1 any more, it has 6.19, 7.3"},
		{"an empty index", "6.1", nil, "", "it has none"},
		{"no checksum", "7.3", []Package{{Name: "linux-image-x", Version: "7.3.1-1"}}, "", "no SHA256"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := newest(Series{Name: test.series, Suite: "suite"}, test.all)
			if test.failure != "" {
				if err == nil || !strings.Contains(err.Error(), test.failure) {
					t.Fatalf("error %v, want %q", err, test.failure)
				}
				return
			}
			if err != nil || got.Name != test.want {
				t.Fatalf("got %q, %v, want %q", got.Name, err, test.want)
			}
		})
	}
}

func TestImagePackage(t *testing.T) {
	arch, err := FindArch("amd64")
	if err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(imagePackage(arch))
	for name, want := range map[string]bool{
		"linux-image-5.10.0-32-cloud-amd64":          true,
		"linux-binary-7.3.4+deb13-cloud-amd64":       true,
		"linux-image-5.10.0-32-cloud-amd64-unsigned": false,
		"linux-image-7.2.6+deb13-cloud-amd64-dbg":    false,
		"linux-image-cloud-amd64":                    false,
		"linux-headers-5.10.0-32-cloud-amd64":        false,
		"linux-image-5.10.0-32-amd64":                false,
	} {
		if got := pattern.MatchString(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	// Each is older than the next.
	ascending := []string{
		"", "5.10.9-1", "5.10.218-1", "5.10.223-1", "6.1.1-1", "6.12.90-1~bpo12+1", "6.12.90-1",
		"6.12.90-1+b1", "6.12.90-2~bpo12+1", "7.3~rc4-1", "7.3-1", "7.3.4-1~bpo13+1",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			got := compareVersions(a, b)
			if want := cmp.Compare(i, j); got != want {
				t.Errorf("compare %q with %q: %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestSeriesOf(t *testing.T) {
	for version, want := range map[string]string{
		"5.10.223-1": "5.10", "7.3.4-1~bpo13+1": "7.3", "7.3-1": "7.3", "7.4~rc1-1~exp1": "7.4", "1:1.35.0-4+b1": "1.35", "odd": "odd",
	} {
		if got := seriesOf(version); got != want {
			t.Errorf("%s: %q, want %q", version, got, want)
		}
	}
}
