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
		if b.rows == firstRows {
			b.foresee(float64(len(text)) / float64(pos))
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

// foresee makes room for so many times as many rows as there are, if they are
// like those.
func (b *Builder) foresee(times float64) {
	const more = 1.0 / 32
	for i := range b.cols {
		b.cols[i].foresee(b.mem, times*(1+more))
	}
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
		if child != nil && child.prefix.at(text, pos) {
			pos += child.prefix.length
		} else {
			if child, pos = n.childAt(text, pos); child == nil {
				return -1
			}
			*next = child
		}
		next = &child.then
		if child.bit == 0 || b.seen&child.bit != 0 {
			return -1
		}
		b.seen |= child.bit
		pos = skipSpace(text, pos)
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

// childAt returns the declared key below n that stands at pos, spelled without
// escapes, and the offset behind its colon, nil when there is none.
func (n *node) childAt(text []byte, pos int) (*node, int) {
	for _, c := range n.children {
		if !bytes.HasPrefix(text[pos:], c.quoted) {
			continue
		}
		pos = skipSpace(text, pos+len(c.quoted))
		if pos == len(text) || text[pos] != ':' {
			break
		}
		return c, pos + 1
	}
	return nil, 0
}

// prefix is a short text that is looked for by words.
type prefix struct {
	words, masks [3]uint64
	length       int
}

// prefixSize is how many bytes a prefix looks at. A longer one is never found.
const prefixSize = 24

func newPrefix(text []byte) prefix {
	p := prefix{length: len(text)}
	var content, mask [prefixSize]byte
	copy(content[:], text)
	copy(mask[:], bytes.Repeat([]byte{0xff}, len(text)))
	for i := range p.words {
		p.words[i] = binary.LittleEndian.Uint64(content[8*i:])
		p.masks[i] = binary.LittleEndian.Uint64(mask[8*i:])
	}
	return p
}

// at reports whether text has the prefix at pos. Near the end of text it may say
// no where it does.
func (p *prefix) at(text []byte, pos int) bool {
	if pos+prefixSize > len(text) || p.length > prefixSize {
		return false
	}
	text = text[pos : pos+prefixSize]
	return (binary.LittleEndian.Uint64(text)^p.words[0])&p.masks[0]|
		(binary.LittleEndian.Uint64(text[8:])^p.words[1])&p.masks[1]|
		(binary.LittleEndian.Uint64(text[16:])^p.words[2])&p.masks[2] == 0
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

const (
	ones  = 0x0101010101010101 // a byte in each of eight places
	highs = 0x80 * ones
)

// scanString returns the offset of the quote that ends the string whose content
// begins at pos, -1 when there is none, and whether the content is what the string
// says: UTF-8 without escapes.
func scanString(text []byte, pos int) (end int, plain bool) {
	for ; pos+8 <= len(text); pos += 8 {
		stops := stops(binary.LittleEndian.Uint64(text[pos:]))
		if stops == 0 {
			continue
		}
		pos += bits.TrailingZeros64(stops) / 8
		if text[pos] == '"' {
			return pos, true
		}
		break
	}
	return scanAnyString(text, pos)
}

// stops has the high bit of the first byte of word that is a quote, a backslash,
// below 0x20 or not ASCII. Of the bytes behind that it may have it for nothing.
func stops(word uint64) uint64 {
	quote, escape := word^'"'*ones, word^'\\'*ones
	return ((quote-ones)&^quote | (escape-ones)&^escape | (word - 0x20*ones) | word) & highs
}

// scanAnyString is scanString byte by byte.
func scanAnyString(text []byte, pos int) (end int, plain bool) {
	start, seen, escaped := pos, byte(0), false
	for ; pos < len(text) && text[pos] >= 0x20; pos++ {
		switch c := text[pos]; c {
		case '"':
			return pos, !escaped && (seen < utf8.RuneSelf || utf8.Valid(text[start:pos]))
		case '\\':
			escaped = true
			pos++ // whatever is escaped, it is no end
		default:
			seen |= c
		}
	}
	return -1, false
}
