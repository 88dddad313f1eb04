package evidence

import (
	"regexp"
	"slices"
	"strings"
)

// Merge puts the tables of a new run in the place of those that the same user has seen on the same
// series of kernels and the same architecture. All others stay, each with its remark.
func Merge(old, fresh string) string {
	var seers []string
	tables := map[string]string{}
	for _, b := range blocks(fresh) {
		if tables[b.seer] == "" {
			seers = append(seers, b.seer)
		}
		tables[b.seer] += b.text
	}
	var out strings.Builder
	for _, b := range blocks(old) {
		if slices.Contains(seers, b.seer) {
			b.text = tables[b.seer]
			delete(tables, b.seer) // all of them stand where the first one did
		}
		out.WriteString(b.text)
	}
	for _, seer := range seers {
		out.WriteString(tables[seer])
	}
	return out.String()
}

// block is a table with its heading, and what follows it.
type block struct{ seer, text string }

// heading is that of a table: who has seen it, on a release of what series.
var heading = regexp.MustCompile(`(?m)^\n\*\*Linux (\d+\.\d+)[^,]*, (\w+), as (\w+)\*\*`)

func blocks(text string) []block {
	var all []block
	begins := heading.FindAllStringSubmatchIndex(text, -1)
	for i, at := range begins {
		end := len(text)
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		seer := strings.Join([]string{text[at[2]:at[3]], text[at[4]:at[5]], text[at[6]:at[7]]}, " ")
		all = append(all, block{seer, text[at[0]:end]})
	}
	return all
}
