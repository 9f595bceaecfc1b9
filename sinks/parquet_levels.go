package sinks

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// appendLevels appends the definition levels of some rows of which so many are
// null, 1 for a value and 0 for a null: their size, and one run of Parquet's
// hybrid of run lengths and packed bits. Bits are packed as those of Arrow are.
func (c *column) appendLevels(dst []byte, from, to, nulls int) []byte {
	const sizeOfSize = 4
	start, rows := len(dst), to-from
	dst = append(dst, make([]byte, sizeOfSize)...)
	switch nulls {
	case 0:
		dst = append(appendRepeated(dst, rows), 1)
	case rows:
		dst = append(appendRepeated(dst, rows), 0)
	default:
		dst = appendPacked(dst, rows)
		bitmap := len(dst)
		dst = append(dst, make([]byte, (rows+7)/8)...) // the last bits stay 0
		bitutil.CopyBitmap(c.valid, c.validFrom+from, rows, dst[bitmap:], 0)
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-sizeOfSize))
	return dst
}

// appendRepeated appends the header of a run of n times the value that follows.
func appendRepeated(dst []byte, n int) []byte { return binary.AppendUvarint(dst, uint64(n)<<1) }

// appendPacked appends the header of a run of n packed values, made up to a
// multiple of eight.
func appendPacked(dst []byte, n int) []byte {
	groups := uint64(n+7) / 8
	return binary.AppendUvarint(dst, groups<<1|1)
}

// dictionary is the distinct values of a column, in order of their first row.
type dictionary struct {
	plain   []byte            // the values, plainly encoded
	entries map[string]uint32 // the number of each
	rows    []int             // the first row of each
	indices []uint32          // the number of each row's value, nulls left out
	written int               // how many of indices are in pages
}

func (d *dictionary) len() int { return len(d.entries) }

func (d *dictionary) reset() {
	d.plain, d.rows, d.indices, d.written = d.plain[:0], d.rows[:0], d.indices[:0], 0
	clear(d.entries)
}

// index makes d the dictionary of c.
func (d *dictionary) index(c *column) {
	d.reset()
	if d.entries == nil {
		d.entries = make(map[string]uint32)
	}
	last := -1 // the last row with a value: often the same value
	var index uint32
	for row := range c.rows {
		if c.isNull(row) {
			continue
		}
		if last < 0 || !c.equal(row, last) {
			index = d.add(c, row)
		}
		last = row
		d.indices = append(d.indices, index)
	}
}

// add returns the number of a row's value, which is a new one if there was none.
func (d *dictionary) add(c *column, row int) uint32 {
	var number [8]byte
	value := number[:]
	if c.isInt {
		binary.LittleEndian.PutUint64(value, uint64(c.ints[row]))
	} else {
		value = c.value(row)
	}
	index, known := d.entries[string(value)]
	if !known {
		index = uint32(len(d.entries))
		d.entries[string(value)] = index
		d.rows = append(d.rows, row)
		d.plain = c.appendPlainValue(d.plain, row)
	}
	return index
}

// appendIndices appends the next n indices: the width of each in bits, and one
// run.
func (d *dictionary) appendIndices(dst []byte, n int) []byte {
	// One value would take no bit, but not every reader knows that.
	width := max(1, bits.Len(uint(d.len()-1)))
	dst = append(dst, byte(width))
	indices := d.indices[d.written : d.written+n]
	d.written += n
	if n == 0 {
		return dst
	}
	if same(indices) {
		dst = appendRepeated(dst, n)
		for index := indices[0]; width > 0; width -= 8 {
			dst = append(dst, byte(index))
			index >>= 8
		}
		return dst
	}
	dst = appendPacked(dst, n)
	var packed uint64
	filled := 0
	for i := range (n + 7) &^ 7 {
		if i < n { // else zeros, to the end of the last eight
			packed |= uint64(indices[i]) << filled
		}
		for filled += width; filled >= 8; filled -= 8 {
			dst = append(dst, byte(packed))
			packed >>= 8
		}
	}
	return dst
}

// same reports whether all of the values are equal.
func same[T comparable](values []T) bool {
	for _, value := range values {
		if value != values[0] {
			return false
		}
	}
	return true
}
