package schema

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// firstRows is for how many cells a column has room at first.
const firstRows = 512

// column gathers the cells of one column in the very buffers that its Arrow
// array will have. A cell that is never set is null, and costs nothing until a
// later one is.
type column struct {
	text  bool // or else integers
	cells int  // of the rows up to the last one that was set
	room  int  // for how many cells the buffers below are long enough

	validity, fixed, variable *memory.Buffer // nil before the first cell

	// What the buffers hold: validity is a bitmap, fixed the integers, or where
	// in variable each text begins.
	valid   []byte
	ints    []int64
	offsets []int32 // room + 1 of them
	bytes   []byte  // texts up to used, and room for more
	used    int
}

// release gives the memory back.
func (c *column) release() {
	for _, b := range []*memory.Buffer{c.validity, c.fixed, c.variable} {
		if b != nil {
			b.Release()
		}
	}
	*c = column{text: c.text}
}

// has reports whether the cell of the row was set. Rows come in order, so there
// is none behind it.
func (c *column) has(row int) bool { return c.cells > row }

// textOf returns the text of the last cell, which was set.
func (c *column) textOf(row int) []byte { return c.bytes[c.offsets[row]:c.used] }

// reach makes row the last cell, those before it that were not set null. There is
// room for it.
func (c *column) reach(row int) {
	if c.text {
		for null := c.cells; null < row; null++ {
			c.offsets[null] = int32(c.used)
		}
		c.offsets[row] = int32(c.used)
	}
	c.cells = row + 1
	c.valid[row>>3] |= 1 << (row & 7)
}

func (c *column) setInt(mem memory.Allocator, row int, v int64) {
	if row >= c.room {
		c.grow(mem, row)
	}
	c.reach(row)
	c.ints[row] = v
}

func (c *column) setText(mem memory.Allocator, row int, text []byte) {
	if row >= c.room {
		c.grow(mem, row)
	}
	if len(text) > len(c.bytes)-c.used {
		c.growText(mem, len(text))
	}
	c.reach(row)
	c.used += copyShort(c.bytes[c.used:], text)
}

// copyShort does what copy does, at once if src is short, as most texts are. It
// may change what is behind the copy.
func copyShort(dst, src []byte) int {
	const short = 16
	if len(src) <= short && len(dst) >= short && cap(src) >= short {
		*(*[short]byte)(dst) = [short]byte(src[:short])
		return len(src)
	}
	return copy(dst, src)
}

// unset makes the cell of the last row null again, if it was set.
func (c *column) unset(row int) {
	if !c.has(row) {
		return
	}
	if c.text {
		c.used = int(c.offsets[row])
	}
	c.cells = row
	c.valid[row>>3] &^= 1 << (row & 7)
}

// grow makes room for the cell of a row.
func (c *column) grow(mem memory.Allocator, row int) {
	c.makeRoom(mem, max(firstRows, c.room*3/2, row+1))
}

// makeRoom makes room for so many cells, which are more than there is room for.
func (c *column) makeRoom(mem memory.Allocator, cells int) {
	if c.validity == nil {
		c.validity, c.fixed = memory.NewResizableBuffer(mem), memory.NewResizableBuffer(mem)
	}
	c.room = cells
	before := c.validity.Len()
	c.validity.Resize(int(bitutil.BytesForBits(int64(c.room))))
	c.valid = c.validity.Bytes()
	clear(c.valid[before:]) // an allocator need not do that
	if c.text {
		c.fixed.Resize(arrow.Int32Traits.BytesRequired(c.room + 1))
		c.offsets = arrow.Int32Traits.CastFromBytes(c.fixed.Bytes())
		return
	}
	before = len(c.ints)
	c.fixed.Resize(arrow.Int64Traits.BytesRequired(c.room))
	c.ints = arrow.Int64Traits.CastFromBytes(c.fixed.Bytes())
	clear(c.ints[before:]) // what a null has must not depend on chance
}

// growText makes room for more bytes of text.
func (c *column) growText(mem memory.Allocator, more int) {
	c.makeTextRoom(mem, max(16*firstRows, len(c.bytes)*3/2, c.used+more))
}

// makeTextRoom makes room for so many bytes of text in all.
func (c *column) makeTextRoom(mem memory.Allocator, size int) {
	if c.variable == nil {
		c.variable = memory.NewResizableBuffer(mem)
	}
	c.variable.Reserve(size)
	c.bytes = c.variable.Buf()
}

// foresee makes room for more times what the column has, unless it has nothing.
func (c *column) foresee(mem memory.Allocator, times float64) {
	if cells := int(times * float64(c.cells)); cells > c.room && c.cells > 0 {
		c.makeRoom(mem, cells)
	}
	if size := int(times * float64(c.used)); size > len(c.bytes) {
		c.makeTextRoom(mem, size)
	}
}

// array returns the column with so many rows, of which the cells are the first,
// and empties it. The caller releases the array.
func (c *column) array(mem memory.Allocator, rows int) arrow.Array {
	defer c.release()
	if rows > c.room || c.room == 0 {
		c.grow(mem, rows)
	}
	c.validity.ResizeNoShrink(int(bitutil.BytesForBits(int64(rows))))
	buffers := []*memory.Buffer{c.validity, c.fixed}
	dataType := Int64.Arrow()
	if c.text {
		dataType = String.Arrow()
		for ; c.cells <= rows; c.cells++ {
			c.offsets[c.cells] = int32(c.used)
		}
		c.fixed.ResizeNoShrink(arrow.Int32Traits.BytesRequired(rows + 1))
		if c.variable == nil {
			c.variable = memory.NewResizableBuffer(mem)
		}
		c.variable.ResizeNoShrink(c.used)
		buffers = append(buffers, c.variable)
	} else {
		c.fixed.ResizeNoShrink(arrow.Int64Traits.BytesRequired(rows))
	}
	nulls := rows - bitutil.CountSetBits(c.valid, 0, rows)
	data := array.NewData(dataType, rows, buffers, nil, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// constant returns a text column with one value, or null, in every row. The
// caller releases it.
func constant(mem memory.Allocator, text []byte, ok bool, rows int) arrow.Array {
	c := column{text: true}
	if ok && rows > 0 {
		c.grow(mem, rows-1)
		c.growText(mem, rows*len(text))
		bitutil.SetBitsTo(c.valid, 0, int64(rows), true)
		for row := range rows {
			c.offsets[row] = int32(row * len(text))
		}
		c.cells, c.used = rows, rows*len(text)
		all := c.bytes[:c.used]
		for n := copy(all, text); n < len(all); {
			n += copy(all[n:], all[:n])
		}
	}
	return c.array(mem, rows)
}
