//go:build linux && (amd64 || arm64)

package clone

import (
	"io/fs"
	"strings"
	"syscall"
)

// memory is what the strings of a vector are put into, for the kernel: a start has some
// fifty, too many to allocate each. It is used again by later starts. Where it grows, what
// was given away before stays in the piece that it was put into.
type memory struct {
	text     []byte
	pointers []*byte
}

func (m *memory) reset() {
	m.text = m.text[:0]
	clear(m.pointers)
	m.pointers = m.pointers[:0]
}

// add copies a string and ends it with NUL.
func (m *memory) add(s string) (*byte, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, syscall.EINVAL
	}
	start := len(m.text)
	m.text = append(append(m.text, s...), 0)
	return &m.text[start], nil
}

// addAll makes the vector of strings that execve(2) takes.
func (m *memory) addAll(all []string) (**byte, error) {
	start := len(m.pointers)
	for _, s := range all {
		p, err := m.add(s)
		if err != nil {
			return nil, err
		}
		m.pointers = append(m.pointers, p)
	}
	m.pointers = append(m.pointers, nil)
	return &m.pointers[start], nil
}

func (m *memory) path(op, path string) (*byte, error) {
	p, err := m.add(path)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: path, Err: err}
	}
	return p, nil
}
