package evidence

import (
	"fmt"
	"os"
	"strings"
)

// Put writes text into a document in Markdown, in the place of the section: what stands
// between the comments "begin" and "end" of that name. What was there goes.
func Put(document, section, text string) error {
	whole, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, _, after, err := cut(document, string(whole), section)
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(before+text+after), 0o644)
}

// Get is what stands in the place of a section.
func Get(document, section string) (string, error) {
	whole, err := os.ReadFile(document)
	if err != nil {
		return "", err
	}
	_, text, _, err := cut(document, string(whole), section)
	return text, err
}

func cut(document, whole, section string) (before, text, after string, err error) {
	begin, end := "<!-- begin "+section+" -->\n", "<!-- end "+section+" -->\n"
	before, rest, begins := strings.Cut(whole, begin)
	text, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return "", "", "", fmt.Errorf("%s has no place for %s, which is between the lines %q and %q", document, section, begin, end)
	}
	return before + begin, text, end + after, nil
}
