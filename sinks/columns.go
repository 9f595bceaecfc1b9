package sinks

import (
	"bytes"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// column is a column of a record as its Arrow buffers have it. Encoders read the
// buffers themselves: a method call for every cell costs more than the cell.
type column struct {
	name  string
	rows  int
	nulls int
	// valid has a bit for each row that has a value, that of row 0 at bit
	// validFrom. It is only looked at when there are nulls.
	valid     []byte
	validFrom int

	isInt bool
	ints  []int64
	// offsets are where the text of each row begins, and where the last one ends.
	offsets []int32
	text    []byte
}

// columnsOf returns the columns of rec, which must outlive them.
func columnsOf(rec arrow.Record) []column {
	columns := make([]column, rec.NumCols())
	for i, a := range rec.Columns() {
		c := column{name: rec.ColumnName(i), rows: a.Len(), text: []byte{}}
		if valid := a.NullBitmapBytes(); len(valid) > 0 {
			c.valid, c.validFrom = valid, a.Data().Offset()
			c.nulls = c.nullsIn(0, c.rows)
		}
		switch a := a.(type) {
		case *array.Int64:
			c.isInt, c.ints = true, a.Int64Values()
		case *array.String:
			if c.rows > 0 {
				c.offsets = a.ValueOffsets()
			}
			if text := a.Data().Buffers()[2]; text != nil && text.Len() > 0 {
				c.text = text.Bytes()
			}
		}
		columns[i] = c
	}
	return columns
}

// nullsIn returns how many rows from from to to are null.
func (c *column) nullsIn(from, to int) int {
	if c.valid == nil {
		return 0
	}
	return to - from - bitutil.CountSetBits(c.valid, c.validFrom+from, to-from)
}

func (c *column) isNull(row int) bool {
	return c.nulls > 0 && !bitutil.BitIsSet(c.valid, c.validFrom+row)
}

// value returns the text of a row that is not null.
func (c *column) value(row int) []byte {
	return c.text[c.offsets[row]:c.offsets[row+1]]
}

// equal reports whether two rows that are not null have the same value.
func (c *column) equal(row, other int) bool {
	if c.isInt {
		return c.ints[row] == c.ints[other]
	}
	return bytes.Equal(c.value(row), c.value(other))
}

// allText returns the texts of all rows, one behind the other.
func (c *column) allText() []byte {
	if c.rows == 0 || c.isInt {
		return nil
	}
	return c.text[c.offsets[0]:c.offsets[c.rows]]
}

// isConstant reports whether all rows are null or have the same value, as those
// columns do that are about the batch or that it does not use.
func (c *column) isConstant() bool {
	switch {
	case c.nulls > 0, c.rows == 0:
		return c.nulls == c.rows
	case c.isInt:
		return same(c.ints)
	}
	length := c.offsets[1] - c.offsets[0]
	for row := range c.rows {
		if c.offsets[row+1]-c.offsets[row] != length {
			return false
		}
	}
	// Texts of one length are all the same if moving them by one changes nothing.
	text := c.allText()
	return bytes.Equal(text[length:], text[:len(text)-int(length)])
}
