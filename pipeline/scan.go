package pipeline

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// nesting is what one cheap pass over the bytes of an answer tells.
type nesting struct {
	depth  int  // levels of arrays and objects in one another, at most
	closed bool // the value that was opened first is closed, or none ever was
}

// scanNesting follows strings and brackets, and nothing else of JSON's grammar,
// over body. It runs before the real parser for the two things that this is
// enough for, and that must not cost a parse: telling a cut answer from a whole
// one, and refusing nesting that would cost a recursive reader its stack.
//
// It takes 64 bytes at a time, as a word with a bit for each: strings begin and
// end too often for a branch at each of their bytes.
func scanNesting(body []byte) nesting {
	var n nesting
	if body = bytes.TrimLeft(body, " \t\r\n"); len(body) == 0 {
		return n
	}
	if body[0] != '{' && body[0] != '[' {
		n.closed = true
		return n
	}
	var s scanner
	for len(body) >= blockSize {
		s.block((*[blockSize]byte)(body))
		body = body[blockSize:]
	}
	if len(body) > 0 {
		var last [blockSize]byte // what is filled up counts for nothing
		copy(last[:], body)
		s.block(&last)
	}
	n.depth = s.deepest
	n.closed = s.depth <= 0 && s.inString == 0
	return n
}

const blockSize = 64

// scanner is the state between two blocks.
type scanner struct {
	depth, deepest int
	inString       uint64 // all ones within a string, else 0
	escaped        bool   // by a backslash within a string: the next byte
}

// block goes on over the next bytes.
func (s *scanner) block(b *[blockSize]byte) {
	var quotes, backslashes, opening, closing uint64
	for i := 0; i < blockSize; i += 8 {
		word := binary.LittleEndian.Uint64(b[i:])
		folded := word | everyByte*('{'^'[') // brackets become braces
		quotes |= gather(equal(word, '"')) << i
		opening |= gather(equal(folded, '{')) << i
		closing |= gather(equal(folded, '}')) << i
		backslashes |= equal(word, '\\')
	}
	if backslashes != 0 || s.escaped {
		s.byBytes(b)
		return
	}
	// Of each bit the number of quotes up to it is made, as 0 or 1: from the
	// quote that begins a string it is 1, from the one that ends it 0.
	within := quotes
	for shift := 1; shift < blockSize; shift *= 2 {
		within ^= within << shift
	}
	within ^= s.inString
	s.inString = uint64(int64(within) >> (blockSize - 1))
	opening &^= within
	closing &^= within
	up, down := bits.OnesCount64(opening), bits.OnesCount64(closing)
	if s.depth+up > s.deepest {
		s.climb(opening, opening|closing)
	}
	s.depth += up - down
}

// climb finds out how deep the brackets of a block go.
func (s *scanner) climb(opening, brackets uint64) {
	depth := s.depth
	for ; brackets != 0; brackets &= brackets - 1 {
		if first := brackets & -brackets; opening&first == 0 {
			depth--
			continue
		}
		depth++
		s.deepest = max(s.deepest, depth)
	}
}

// byBytes is block for one with backslashes, which are rare.
func (s *scanner) byBytes(b *[blockSize]byte) {
	for _, c := range b {
		switch {
		case s.escaped:
			s.escaped = false
		case c == '"':
			s.inString = ^s.inString
		case s.inString != 0:
			s.escaped = c == '\\'
		case c == '{' || c == '[':
			s.depth++
			s.deepest = max(s.deepest, s.depth)
		case c == '}' || c == ']':
			s.depth--
		}
	}
}

const (
	everyByte = 0x0101010101010101
	lowBits   = 0x7f * everyByte
)

// equal returns a word with the highest bit of each byte set whose counterpart
// in word is c.
func equal(word uint64, c byte) uint64 {
	word ^= everyByte * uint64(c)
	return ^((word&lowBits + lowBits) | word | lowBits)
}

// gather returns the highest bits of the bytes of word as one byte, that of the
// lowest as its lowest.
func gather(word uint64) uint64 { return word * 0x0002040810204081 >> 56 }
