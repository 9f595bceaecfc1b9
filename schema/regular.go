package schema

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// regular is what a Builder needs to read arrays at once.
//
// The reader below knows objects with declared keys, strings, null and integers,
// which is nearly all that answers are made of. It only ever says yes: where it
// meets anything else it goes back to where the value, or the row, began, and
// has that read by the JSON library; and an array that turns out to be wrong is
// given up, for the caller to have it read by the library from its beginning,
// which says what is wrong. So it accepts what the library accepts, and makes of
// it what Append does; a fuzz test holds it to that.
type regular struct {
	seen    uint64 // the declared keys of the row in hand, by their bits
	dec     *jsontext.Decoder
	rest    bytes.Buffer // what dec reads
	longest int
}

// AppendArray appends each element of the JSON array that text begins with as a
// row, and returns the length of the array. It reports false when text does not
// begin with an array of objects in valid JSON and UTF-8, or is too large: Reset
// is called then, and Append says why.
func (b *Builder) AppendArray(text []byte) (length int, ok bool) {
	if len(text) == 0 || text[0] != '[' {
		return 0, false
	}
	pos := skipSpace(text, 1)
	if pos < len(text) && text[pos] == ']' {
		return pos + 1, true
	}
	for pos < len(text) && text[pos] == '{' {
		if pos = b.appendElement(text, pos); pos < 0 {
			return 0, false
		}
		pos = skipSpace(text, pos)
		if pos == len(text) {
			break
		}
		switch text[pos] {
		case ',':
			pos = skipSpace(text, pos+1)
		case ']':
			return pos + 1, true
		default:
			return 0, false
		}
	}
	return 0, false
}

// Irregular returns the length of the longest value that AppendArray had read by
// the JSON library: nothing nests deeper than half of that below an element.
func (b *Builder) Irregular() int { return b.longest }

// appendElement appends the object at pos, and returns the offset behind it, -1
// when that cannot be done.
func (b *Builder) appendElement(text []byte, pos int) int {
	size := b.size
	b.seen = 0
	if end := b.appendObject(text, pos, b.root); end >= 0 {
		if b.endRow() != nil {
			return -1
		}
		return end
	}
	b.size = size
	for i := range b.cols {
		b.cols[i].unset(b.rows)
	}
	b.decode(text[pos:])
	if b.Append(b.dec) != nil {
		return -1
	}
	return b.decoded(text, pos)
}

// decode makes dec read text.
func (b *Builder) decode(text []byte) {
	b.rest = *bytes.NewBuffer(text)
	if b.dec == nil {
		b.dec = new(jsontext.Decoder)
	}
	b.dec.Reset(&b.rest, jsontext.AllowInvalidUTF8(true))
}

// decoded returns the offset behind the value at pos that dec has read, -1 when
// it is no UTF-8.
func (b *Builder) decoded(text []byte, pos int) int {
	length := int(b.dec.InputOffset())
	b.longest = max(b.longest, length)
	if !utf8.Valid(text[pos : pos+length]) {
		return -1
	}
	return pos + length
}

// appendObject reads the object at pos, whose keys are declared by n, into the
// row in hand.
func (b *Builder) appendObject(text []byte, pos int, n *node) int {
	pos = skipSpace(text, pos+1)
	if pos < len(text) && text[pos] == '}' {
		return pos + 1
	}
	next := &n.first
	for {
		child := *next
		if child == nil || !child.at(text, pos) {
			if child = n.childAt(text, pos); child == nil {
				return -1
			}
			*next = child
		}
		next = &child.then
		if child.bit == 0 || b.seen&child.bit != 0 {
			return -1
		}
		b.seen |= child.bit
		pos = skipSpace(text, pos+len(child.quoted))
		if pos == len(text) || text[pos] != ':' {
			return -1
		}
		pos = skipSpace(text, pos+1)
		if pos = b.appendMember(text, pos, child); pos < 0 {
			return -1
		}
		pos = skipSpace(text, pos)
		if pos == len(text) {
			return -1
		}
		switch text[pos] {
		case ',':
			pos = skipSpace(text, pos+1)
		case '}':
			return pos + 1
		default:
			return -1
		}
	}
}

// appendMember reads the value at pos of a declared key.
func (b *Builder) appendMember(text []byte, pos int, n *node) int {
	if pos == len(text) {
		return -1
	}
	switch c := text[pos]; {
	case c == 'n' && len(text)-pos >= 4 && string(text[pos:pos+4]) == "null":
		return pos + 4
	case n.column < 0 && c == '{':
		return b.appendObject(text, pos, n)
	case n.column < 0 || b.cols[n.column].has(b.rows): // by another spelling
		return -1
	case c == '"':
		return b.appendString(text, pos, n.column)
	case c == '-' || '0' <= c && c <= '9':
		end := pos + 1
		for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.' || text[end]|0x20 == 'e') {
			end++
		}
		if v, ok := Integer(text[pos:end]); ok && !b.cols[n.column].text {
			b.cols[n.column].setInt(b.mem, b.rows, v)
			return end
		}
	}
	b.decode(text[pos:])
	value, err := b.dec.ReadValue()
	if err != nil || b.store(n.column, value) != "" {
		return -1
	}
	return b.decoded(text, pos)
}

// appendString reads the string at pos into a column of the row in hand.
func (b *Builder) appendString(text []byte, pos, column int) int {
	end, plain := scanString(text, pos+1)
	if end < 0 {
		return -1
	}
	if !b.cols[column].text {
		v, ok := Integer(text[pos : end+1])
		if !ok {
			return -1
		}
		b.cols[column].setInt(b.mem, b.rows, v)
		return end + 1
	}
	content := text[pos+1 : end]
	if !plain {
		var err error
		b.scratch, err = jsontext.AppendUnquote(b.scratch[:0], text[pos:end+1])
		if err != nil {
			return -1
		}
		content = b.scratch
	}
	b.setText(column, content)
	return end + 1
}

// at reports whether the key stands at pos, spelled without escapes.
func (n *node) at(text []byte, pos int) bool {
	end := pos + len(n.quoted)
	return end <= len(text) && string(text[pos:end]) == string(n.quoted)
}

// childAt returns the declared key below n that stands at pos, nil when none does.
func (n *node) childAt(text []byte, pos int) *node {
	for _, c := range n.children {
		if c.at(text, pos) {
			return c
		}
	}
	return nil
}

// skipSpace returns the offset of the first byte from pos on that is no white
// space, the length of text when there is none.
func skipSpace(text []byte, pos int) int {
	for pos < len(text) && text[pos] <= ' ' {
		switch text[pos] {
		case ' ', '\n', '\r', '\t':
			pos++
		default:
			return pos
		}
	}
	return pos
}

// scanString returns the offset of the quote that ends the string whose content
// begins at pos, -1 when there is none, and whether the content is what the string
// says: UTF-8 without escapes.
func scanString(text []byte, pos int) (end int, plain bool) {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	start, seen, escaped := pos, uint64(0), false
	for {
		for ; pos+8 <= len(text); pos += 8 {
			word := binary.LittleEndian.Uint64(text[pos:])
			quote, escape := word^'"'*ones, word^'\\'*ones
			// The high bit of each byte that is zero after the exclusive or, or
			// below 0x20; bytes above the lowest such one may have it for nothing.
			stops := ((quote-ones)&^quote | (escape-ones)&^escape | (word-0x20*ones)&^word) & highs
			if stops != 0 {
				n := bits.TrailingZeros64(stops) / 8
				seen |= word & (1<<(8*n) - 1)
				pos += n
				break
			}
			seen |= word
		}
		for ; pos < len(text) && text[pos] >= 0x20 && text[pos] != '"' && text[pos] != '\\'; pos++ {
			seen |= uint64(text[pos])
		}
		switch {
		case pos >= len(text) || text[pos] < 0x20:
			return -1, false
		case text[pos] == '\\':
			escaped = true
			pos += 2 // whatever is escaped, it is no end
			continue
		}
		return pos, !escaped && (seen&highs == 0 || utf8.Valid(text[start:pos]))
	}
}
