package sinks

import (
	"io"

	"github.com/apache/arrow/go/v17/arrow"
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
	// plain says that no text of the column needs an escape. A column is
	// searched for that as a whole, which is much faster than cell by cell.
	plain bool
	column
}

// textFormat is how the rows of a record are made bytes. All that append to dst
// return it.
type textFormat struct {
	// appendStart appends what precedes column i in a row; nil appends nothing.
	appendStart func(dst []byte, columns []column, i int) []byte
	// appendCell appends a row's value of a column, or what stands for a null.
	appendCell func(dst []byte, c *cell, row int) []byte
	// isPlain reports that none of the texts needs an escape.
	isPlain func(text []byte) bool
	// end follows the last column of a row.
	end string
}

func newRowTemplate(columns []column, format textFormat) rowTemplate {
	t := rowTemplate{cells: make([]cell, 0, len(columns))}
	var same []byte
	for i := range columns {
		if format.appendStart != nil {
			same = format.appendStart(same, columns, i)
		}
		c := cell{column: columns[i], plain: columns[i].isInt || format.isPlain == nil || format.isPlain(columns[i].allText())}
		if c.rows > 0 && c.isConstant() {
			same = format.appendCell(same, &c, 0)
			continue
		}
		c.before = same[:len(same):len(same)]
		same = same[len(same):]
		t.cells = append(t.cells, c)
	}
	t.end = append(same, format.end...)
	return t
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
			buf = format.appendCell(append(buf, c.before...), c, row)
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
