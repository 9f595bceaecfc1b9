package sinks

import (
	"bytes"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// flushSize is how many bytes of text are gathered before they are written.
const flushSize = 64 << 10

// rowTemplate is what all rows of a record have in common: cells that differ,
// and between them what is the same in each row. The columns that hold one value
// only are part of that, so that they cost no more than their bytes.
type rowTemplate struct {
	cells []cell
	end   []byte // what follows the last cell
}

// cell is a column of a rowTemplate.
type cell struct {
	before []byte // what precedes it in every row
	// special has a bit for each row whose text may need an escape; nil if none
	// does. A column is searched for such as a whole, which is much faster than
	// text by text.
	special []byte
	column
}

// textFormat is how the rows of a record are made bytes. All that append to dst
// return it.
type textFormat struct {
	// appendStart appends what precedes column i in a row.
	appendStart func(dst []byte, columns []column, i int) []byte
	// appendCell appends a row's value of a column, or what stands for a null.
	appendCell func(dst []byte, c *cell, row int) []byte
	// special are the bytes that make an escape needed: each returns the offset
	// of the first of a kind in text, -1 if there is none.
	special []func(text []byte) int
	// end follows the last column of a row.
	end string
}

func newRowTemplate(columns []column, format textFormat) rowTemplate {
	t := rowTemplate{cells: make([]cell, 0, len(columns))}
	var same []byte
	for i := range columns {
		same = format.appendStart(same, columns, i)
		c := cell{column: columns[i]}
		if c.rows > 0 && c.isConstant() {
			c.findSpecial(format.special, 1)
			same = format.appendCell(same, &c, 0)
			continue
		}
		c.findSpecial(format.special, c.rows)
		c.before = append(make([]byte, 0, len(same)+shortText), same...)
		same = same[:0]
		t.cells = append(t.cells, c)
	}
	t.end = append(same, format.end...)
	return t
}

// findSpecial looks for special bytes in the first rows of the cell's column.
func (c *cell) findSpecial(special []func(text []byte) int, rows int) {
	if c.isInt || rows == 0 {
		return
	}
	for _, find := range special {
		row, end := 0, c.offsets[rows]
		for at := c.offsets[0]; at < end; at = c.offsets[row+1] { // a row is looked through once
			next := find(c.text[at:end])
			if next < 0 {
				break
			}
			for at += int32(next); c.offsets[row+1] <= at; {
				row++
			}
			if c.special == nil {
				c.special = make([]byte, bitutil.BytesForBits(int64(rows)))
			}
			bitutil.SetBit(c.special, row)
		}
	}
}

func (c *cell) isSpecial(row int) bool { return c.special != nil && bitutil.BitIsSet(c.special, row) }

// oneByte returns what finds byte b.
func oneByte(b byte) func(text []byte) int {
	return func(text []byte) int { return bytes.IndexByte(text, b) } // many bytes at a time
}

// size returns about how long the text of so many rows is, and seldom too little.
func (t *rowTemplate) size(rows int) int {
	const null, quotes, integer = 4, 2, 6
	all, row := 0, len(t.end)
	for i := range t.cells {
		c := &t.cells[i]
		row += len(c.before)
		all += c.nulls*null + len(c.allText())
		if c.isInt {
			all += (rows - c.nulls) * integer
		} else {
			all += (rows - c.nulls) * quotes
		}
	}
	all += rows * row
	return all + all/64 // escapes
}

// textBuffers are what rows are gathered in.
var textBuffers = spares[[]byte]{make: func() []byte { return make([]byte, 0, flushSize+flushSize/4) }}

// maxPooledText keeps a buffer that one large cell has grown from staying.
const maxPooledText = 1 << 20

// shortText is how long most texts are at most.
const shortText = 16

// appendShort does what append does, at once if text is short.
func appendShort(dst, text []byte) []byte {
	if n := len(dst); len(text) <= shortText && cap(text) >= shortText && cap(dst)-n >= shortText {
		*(*[shortText]byte)(dst[n : n+shortText]) = [shortText]byte(text[:shortText])
		return dst[:n+len(text)]
	}
	return append(dst, text...)
}

// writeRows writes head and then each row of rec to w.
func writeRows(w io.Writer, rec arrow.Record, head []byte, format textFormat) error {
	buf := append(textBuffers.get()[:0], head...)
	defer func() {
		if cap(buf) <= maxPooledText {
			textBuffers.put(buf)
		}
	}()
	template := newRowTemplate(columnsOf(rec), format)
	if g, ok := w.(grower); ok {
		g.Grow(len(head) + template.size(int(rec.NumRows())))
	}
	for row := range int(rec.NumRows()) {
		for i := range template.cells {
			c := &template.cells[i]
			buf = format.appendCell(appendShort(buf, c.before), c, row)
		}
		buf = append(buf, template.end...)
		if len(buf) < flushSize {
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	if len(buf) == 0 {
		return nil
	}
	_, err := w.Write(buf)
	return err
}
