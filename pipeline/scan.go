package pipeline

import "bytes"

// nesting is what one cheap pass over the bytes of an answer tells.
type nesting struct {
	depth  int  // levels of arrays and objects in one another, at most
	closed bool // the value that was opened first is closed, or none ever was
}

// scanNesting follows strings and brackets, and nothing else of JSON's grammar,
// over body. It is for the two things that this is enough for: telling a cut
// answer from a whole one, and refusing nesting that would cost a recursive
// reader its stack.
func scanNesting(body []byte) nesting {
	var n nesting
	if body = bytes.TrimLeft(body, " \t\r\n"); len(body) == 0 {
		return n
	}
	if body[0] != '{' && body[0] != '[' {
		n.closed = true
		return n
	}
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
			if i >= len(body) {
				return n // inside a string
			}
		case '{', '[':
			depth++
			n.depth = max(n.depth, depth)
		case '}', ']':
			depth--
		}
	}
	n.closed = depth <= 0
	return n
}
