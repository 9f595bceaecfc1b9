package sinks

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
)

// ContentSHA256 returns the digest of the rows of rec, whatever the format and
// compression that they are written in: lower-case hex of the SHA-256 over the
// number of rows and, if there are any, column after column
//
//   - how many cells follow: one if all of the column are the same, else one for
//     each row;
//   - of each cell 0 if it is null, else 1 more than its text has bytes;
//   - the texts, one behind the other: UTF-8, an integer in decimal.
//
// Numbers are unsigned LEB128. Names and types of columns are no part of it.
// Inspect computes the same from a file.
//
// So the texts need not be moved, they lie like that in rec; and a third of the
// bytes in a batch's rows are the same in all of them.
func ContentSHA256(rec arrow.Record) string {
	h := newContentHash(rec.NumRows())
	if rec.NumRows() == 0 {
		return h.sum()
	}
	buf := contentSpares.get()
	for _, c := range columnsOf(rec) {
		rows := c.rows
		if c.isConstant() {
			rows = 1
		}
		h.column(rows, buf.of(&c, rows))
	}
	if cap(buf.lengths)+cap(buf.text) <= maxPooledText {
		contentSpares.put(buf)
	}
	return h.sum()
}

// contentHash computes the digest that ContentSHA256 defines.
type contentHash struct{ hash.Hash }

func newContentHash(rows int64) contentHash {
	h := contentHash{sha256.New()}
	h.number(uint64(rows))
	return h
}

func (h contentHash) number(n uint64) {
	h.Write(binary.AppendUvarint(nil, n)) // a hash takes all that it is given
}

func (h contentHash) column(n int, c contentCells) {
	h.number(uint64(n))
	h.Write(c.lengths)
	h.Write(c.text)
}

func (h contentHash) sum() string { return hex.EncodeToString(h.Sum(nil)) }

// contentCells are some cells of one column as they are digested.
type contentCells struct {
	lengths []byte
	text    []byte
}

var contentSpares = spares[*contentCells]{make: func() *contentCells { return new(contentCells) }}

// appendNull and appendLength append what stands for the length of a text.
func appendNull(dst []byte) []byte { return append(dst, 0) }

func appendLength(dst []byte, n int) []byte {
	if n < 0x7f { // as nearly all are: AppendUvarint cannot be inlined
		return append(dst, byte(n+1))
	}
	return binary.AppendUvarint(dst, uint64(n)+1)
}

// of returns the first n cells of c, in the memory of s or in that of c.
func (s *contentCells) of(c *column, n int) contentCells {
	lengths, text := s.lengths[:0], s.text[:0]
	defer func() { s.lengths, s.text = lengths, text }()
	if c.isInt {
		for row, value := range c.ints[:n] {
			if c.isNull(row) {
				lengths = appendNull(lengths)
				continue
			}
			before := len(text)
			text = strconv.AppendInt(text, value, 10)
			lengths = appendLength(lengths, len(text)-before)
		}
		return contentCells{lengths, text}
	}
	hidden := int32(0)
	for row, end := range c.offsets[1 : n+1] {
		if length := end - c.offsets[row]; !c.isNull(row) {
			lengths = appendLength(lengths, int(length))
		} else {
			lengths = appendNull(lengths)
			hidden += length
		}
	}
	if hidden == 0 {
		return contentCells{lengths, c.text[c.offsets[0]:c.offsets[n]]}
	}
	for row := range n {
		if !c.isNull(row) {
			text = append(text, c.value(row)...)
		}
	}
	return contentCells{lengths, text}
}

// contentDigest computes the digest that ContentSHA256 defines from the cells
// that are read from a file: those of one column in the order of the rows.
type contentDigest []contentColumn

type contentColumn struct {
	contentCells
	n      int
	first  struct{ lengths, text int } // how many bytes of those are the first cell's
	varies bool
}

// null adds the next cell of a column, which is counted from 0.
func (d *contentDigest) null(column int) { d.at(column).add("", true) }

// text does so for a cell that is not null.
func (d *contentDigest) text(column int, text string) { d.at(column).add(text, false) }

func (d *contentDigest) at(column int) *contentColumn {
	for len(*d) <= column {
		*d = append(*d, contentColumn{})
	}
	return &(*d)[column]
}

func (c *contentColumn) add(text string, isNull bool) {
	lengths := len(c.lengths)
	if isNull {
		c.lengths = appendNull(c.lengths)
	} else {
		c.lengths = appendLength(c.lengths, len(text))
		c.text = append(c.text, text...)
	}
	if c.n++; c.n == 1 {
		c.first.lengths, c.first.text = len(c.lengths), len(c.text)
	}
	c.varies = c.varies || string(c.text[:c.first.text]) != text ||
		!bytes.Equal(c.lengths[:c.first.lengths], c.lengths[lengths:])
}

// isMixed reports whether the cells of the first column differ.
func (d contentDigest) isMixed() bool { return len(d) > 0 && d[0].varies }

// sum returns the digest; all columns have as many cells.
func (d contentDigest) sum() string {
	if len(d) == 0 {
		return newContentHash(0).sum()
	}
	h := newContentHash(int64(d[0].n))
	for _, c := range d {
		if !c.varies {
			c.n = 1
			c.contentCells = contentCells{lengths: c.lengths[:c.first.lengths], text: c.text[:c.first.text]}
		}
		h.column(c.n, c.contentCells)
	}
	return h.sum()
}
