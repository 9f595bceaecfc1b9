package schema

import "bytes"

// Nesting is what one cheap pass over the bytes of a JSON text tells.
type Nesting struct {
	Depth  int  // most levels of arrays and objects in one another
	Closed bool // the value that was opened first is closed, or none ever was
}

// ScanNesting follows strings and brackets, and nothing else of JSON's grammar,
// over text. That is enough for two questions: whether an answer was cut, and
// whether it nests so deeply that a recursive reader would run out of stack.
func ScanNesting(text []byte) Nesting {
	var n Nesting
	if text = bytes.TrimLeft(text, " \t\r\n"); len(text) == 0 {
		return n
	}
	if text[0] != '{' && text[0] != '[' {
		n.Closed = true
		return n
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if i >= len(text) {
				return n // inside a string
			}
		case '{', '[':
			depth++
			n.Depth = max(n.Depth, depth)
		case '}', ']':
			depth--
		}
	}
	n.Closed = depth <= 0
	return n
}
