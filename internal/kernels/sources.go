package kernels

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Mirror is where this machine gets its own Debian packages from.
type Mirror struct {
	URI      string
	SignedBy string // the value of Signed-By, or empty: apt's own keys
}

// A source is an entry of apt's lists of sources, in either format. See
// sources.list(5).
type source struct {
	types, uris, suites, components []string
	signedBy                        string
}

// FindMirror reads the address from the sources of this machine's apt.
func FindMirror() (Mirror, error) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return Mirror{}, err
	}
	var all []source
	if text, err := os.ReadFile("/etc/apt/sources.list"); err == nil {
		all = append(all, parseOneLine(string(text))...)
	}
	deb822, _ := filepath.Glob("/etc/apt/sources.list.d/*.sources")
	for _, name := range deb822 {
		text, err := os.ReadFile(name)
		if err != nil {
			return Mirror{}, err
		}
		all = append(all, parseDeb822(string(text))...)
	}
	oneLine, _ := filepath.Glob("/etc/apt/sources.list.d/*.list")
	for _, name := range oneLine {
		text, err := os.ReadFile(name)
		if err != nil {
			return Mirror{}, err
		}
		all = append(all, parseOneLine(string(text))...)
	}
	return chooseMirror(string(release), all)
}

// chooseMirror picks the source of the distribution itself: others may have a
// component main too, but not the suite that the machine was installed from.
func chooseMirror(osRelease string, all []source) (Mirror, error) {
	facts := map[string]string{}
	for line := range strings.Lines(osRelease) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		facts[key] = strings.Trim(value, `"'`)
	}
	if facts["ID"] != "debian" {
		return Mirror{}, fmt.Errorf("the kernels are Debian's, and this machine's apt is set up for %q: run the matrix on Debian, a container will do", facts["ID"])
	}
	names := []string{facts["VERSION_CODENAME"], "oldoldstable", "oldstable", "stable", "testing", "unstable", "sid"}
	for _, s := range all {
		ours := func(suite string) bool { return suite != "" && slices.Contains(names, suite) }
		if !slices.Contains(s.types, "deb") || !slices.Contains(s.components, "main") || !slices.ContainsFunc(s.suites, ours) {
			continue
		}
		for _, uri := range s.uris {
			if !strings.HasPrefix(uri, "cdrom:") {
				return Mirror{URI: uri, SignedBy: s.signedBy}, nil
			}
		}
	}
	return Mirror{}, errors.New("no Debian mirror in /etc/apt/sources.list and /etc/apt/sources.list.d")
}

// parseDeb822 reads the format of *.sources: stanzas of fields.
func parseDeb822(text string) []source {
	var all []source
	for _, stanza := range strings.Split(uncomment(text), "\n\n") {
		fields := map[string]string{}
		key := ""
		for line := range strings.Lines(stanza) {
			if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
				fields[key] += "\n" + strings.TrimRight(line, "\n")
				continue
			}
			name, value, _ := strings.Cut(line, ":")
			key = strings.ToLower(name)
			fields[key] = strings.TrimSpace(value)
		}
		if fields["uris"] == "" || fields["enabled"] == "no" {
			continue
		}
		all = append(all, source{
			types:      strings.Fields(fields["types"]),
			uris:       strings.Fields(fields["uris"]),
			suites:     strings.Fields(fields["suites"]),
			components: strings.Fields(fields["components"]),
			signedBy:   fields["signed-by"],
		})
	}
	return all
}

// uncomment takes away comment lines, and what lines of blanks hold.
func uncomment(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			kept.WriteByte('\n')
		default:
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// parseOneLine reads the format of sources.list: a source to a line.
func parseOneLine(text string) []source {
	var all []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		var s source
		if inner, ok := strings.CutPrefix(rest, "["); ok {
			var options string
			options, rest, _ = strings.Cut(inner, "]")
			for _, option := range strings.Fields(options) {
				if path, ok := strings.CutPrefix(option, "signed-by="); ok {
					s.signedBy = path
				}
			}
		}
		words := strings.Fields(rest)
		if len(words) < 2 {
			continue
		}
		s.types, s.uris, s.suites, s.components = []string{kind}, words[:1], words[1:2], words[2:]
		all = append(all, s)
	}
	return all
}
