package autokill

import (
	"fmt"
	"slices"
)

// excerptEnd is how much an excerpt keeps of either end, in bytes.
const excerptEnd = 32 << 10

// excerpt is a writer that keeps the beginning and the end of what it is given.
type excerpt struct {
	head, tail []byte
	total      int64
}

func (e *excerpt) Write(p []byte) (int, error) {
	n := len(p)
	e.total += int64(n)
	room := min(excerptEnd-len(e.head), n)
	e.head = append(e.head, p[:room]...)
	p = p[room:]
	if over := len(p) - excerptEnd; over > 0 {
		p = p[over:]
	}
	e.tail = append(e.tail, p...)
	// Twice the size is let grow, so that not every write moves the whole.
	if len(e.tail) > 2*excerptEnd {
		e.tail = slices.Delete(e.tail, 0, len(e.tail)-excerptEnd)
	}
	return n, nil
}

// Bytes is what was written; of something long, both ends, and between them how
// many bytes were left out.
func (e *excerpt) Bytes() []byte {
	tail := e.tail[max(0, len(e.tail)-excerptEnd):]
	omitted := e.total - int64(len(e.head)+len(tail))
	if omitted == 0 {
		return slices.Concat(e.head, tail)
	}
	return slices.Concat(e.head, fmt.Appendf(nil, "\n... omitting %d bytes ...\n", omitted), tail)
}
