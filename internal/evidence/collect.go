package evidence

import (
	"slices"
	"strings"
)

// A Collection is the tables that tests logged, in the order in which they came.
type Collection struct {
	tables  []table
	reading bool // the last table may go on
}

// A table is what one user on one kernel saw of a section.
type table struct {
	section, by string
	header      []string // with the line below it
	rows        []string
}

// Line takes the next line of a log, which was written by somebody. The logs of
// several must not be mixed.
func (c *Collection) Line(by, line string) {
	line = strings.TrimSpace(line)
	if _, section, ok := strings.Cut(line, Mark); ok {
		c.tables = append(c.tables, table{section: section, by: by})
		c.reading = true
		return
	}
	if c.reading = c.reading && strings.HasPrefix(line, "|"); !c.reading {
		return
	}
	if t := &c.tables[len(c.tables)-1]; len(t.header) < 2 {
		t.header = append(t.header, line)
	} else {
		t.rows = append(t.rows, line)
	}
}

// Sections are the names of those that have a table.
func (c *Collection) Sections() []string {
	var names []string
	for _, t := range c.tables {
		if !slices.Contains(names, t.section) {
			names = append(names, t.section)
		}
	}
	return names
}

// Markdown is all that was seen of a section, with a remark behind what each has seen. Tables with one
// header, as the subjects of a suite make them, become one.
func (c *Collection) Markdown(section, remark string) string {
	var joined []table
	for _, t := range c.tables {
		if t.section != section {
			continue
		}
		same := slices.IndexFunc(joined, func(o table) bool { return o.by == t.by && slices.Equal(o.header, t.header) })
		if same < 0 {
			joined = append(joined, t)
		} else {
			joined[same].rows = append(slices.Clip(joined[same].rows), t.rows...)
		}
	}
	var out strings.Builder
	for i, t := range joined {
		out.WriteString("\n**" + t.by + "**\n\n" + strings.Join(slices.Concat(t.header, t.rows), "\n") + "\n")
		if i+1 == len(joined) || joined[i+1].by != t.by {
			out.WriteString("\n" + remark + "\n")
		}
	}
	return out.String()
}
