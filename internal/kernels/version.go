package kernels

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Package is a record of a Debian index.
type Package struct {
	Name     string
	Version  string // Debian's: 7.3.4-1~bpo13+1
	Filename string // its path below the mirror
	SHA256   string
}

// imagePackage matches the packages that may hold a kernel image. Since 6.19
// linux-image-… only depends on linux-binary-…, which has the file. (The -dbg
// and -unsigned ones end otherwise than with the flavour.)
func imagePackage(arch Arch) string {
	return `^linux-(image|binary)-[0-9][^ ]*-` + regexp.QuoteMeta(arch.Flavour) + `$`
}

// parsePackages reads records as apt-cache prints them.
func parsePackages(records io.Reader) ([]Package, error) {
	var all []Package
	var p Package
	flush := func() {
		if p.Name != "" {
			all = append(all, p)
		}
		p = Package{}
	}
	lines := bufio.NewScanner(records)
	lines.Buffer(nil, 1<<20) // a Depends line can be long
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "":
			flush()
		case "Package":
			p.Name = value
		case "Version":
			p.Version = value
		case "Filename":
			p.Filename = value
		case "SHA256":
			p.SHA256 = value
		}
	}
	flush()
	return all, lines.Err()
}

// newest picks the latest package of a series. Of a split kernel it is the
// half that has the image.
func newest(series Series, all []Package) (Package, error) {
	var best Package
	others := map[string]bool{}
	for _, p := range all {
		line := seriesOf(p.Version)
		if line != series.Name {
			others[line] = true
			continue
		}
		order := compareVersions(p.Version, best.Version)
		if best.Name == "" || order > 0 || order == 0 && strings.HasPrefix(p.Name, "linux-binary-") {
			best = p
		}
	}
	switch {
	case best.Name == "":
		return best, fmt.Errorf("%s has no %s any more, it has %s: change the suite of the series",
			series.Suite, series.Name, listed(others))
	case best.SHA256 == "":
		return best, fmt.Errorf("%s: no SHA256 of %s in the index", series.Suite, best.Name)
	}
	return best, nil
}

// seriesOf is the first two numbers of a version behind its epoch: 5.10 of
// 5.10.223-1, 1.35 of 1:1.35.0-4.
func seriesOf(version string) string {
	upstream, _, _ := strings.Cut(version[strings.IndexByte(version, ':')+1:], "-")
	parts := strings.SplitN(upstream, ".", 3)
	if len(parts) < 2 {
		return upstream
	}
	minor, _, _ := strings.Cut(parts[1], "~")
	return parts[0] + "." + minor
}

func listed(set map[string]bool) string {
	if len(set) == 0 {
		return "none"
	}
	return strings.Join(slices.SortedFunc(maps.Keys(set), compareVersions), ", ")
}

// compareVersions orders two versions of the same epoch by Debian's rules
// (deb-version(7)): numbers by value, ~ before everything and even before the
// end, letters before other characters.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		if order := compareText(&a, &b); order != 0 {
			return order
		}
		if order := cmp.Compare(takeNumber(&a), takeNumber(&b)); order != 0 {
			return order
		}
	}
	return 0
}

// compareText compares and removes what both begin with that is no digit.
func compareText(a, b *string) int {
	for weight(*a) != 0 || weight(*b) != 0 {
		if order := cmp.Compare(weight(*a), weight(*b)); order != 0 {
			return order
		}
		*a, *b = (*a)[1:], (*b)[1:]
	}
	return 0
}

// weight is the rank of the first character: a digit and the end count alike.
func weight(s string) int {
	switch {
	case s == "" || s[0] >= '0' && s[0] <= '9':
		return 0
	case s[0] == '~':
		return -1
	case s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z':
		return int(s[0])
	default:
		return int(s[0]) + 256
	}
}

// takeNumber removes the digits that s begins with. No digits are 0.
func takeNumber(s *string) int {
	rest := strings.TrimLeft(*s, "0123456789")
	number, _ := strconv.Atoi((*s)[:len(*s)-len(rest)])
	*s = rest
	return number
}
