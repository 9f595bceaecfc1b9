package schema

import "github.com/go-json-experiment/json/jsontext"

// leftovers collects what no column holds of one result, as a JSON object in
// the original nesting. The declared objects that lead to a leftover are written
// when the first one turns up, so that a row without any costs nothing.
type leftovers struct {
	text []byte
	path [][]byte // quoted keys of the declared objects being read
	open int      // how many of path are written, with their brace
}

func (l *leftovers) reset() {
	l.text, l.path, l.open = l.text[:0], l.path[:0], 0
}

// enter and leave follow the reader into and out of a declared object.
func (l *leftovers) enter(quoted []byte) { l.path = append(l.path, quoted) }

func (l *leftovers) leave() {
	if l.open == len(l.path) {
		l.text = append(l.text, '}')
		l.open--
	}
	l.path = l.path[:len(l.path)-1]
}

// key begins a leftover member; value must follow.
func (l *leftovers) key(quoted []byte) {
	if len(l.text) == 0 {
		l.text = append(l.text, '{')
	}
	for ; l.open < len(l.path); l.open++ {
		l.name(l.path[l.open])
		l.text = append(l.text, '{')
	}
	l.name(quoted)
}

func (l *leftovers) name(quoted []byte) {
	if l.text[len(l.text)-1] != '{' {
		l.text = append(l.text, ',')
	}
	l.text = append(append(l.text, quoted...), ':')
}

func (l *leftovers) value(v jsontext.Value) { l.text = appendCompact(l.text, v) }

// close returns the finished object, nil when nothing was left over. It is
// valid until the next reset.
func (l *leftovers) close() []byte {
	if len(l.text) == 0 {
		return nil
	}
	l.text = append(l.text, '}')
	return l.text
}
