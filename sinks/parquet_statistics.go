package sinks

import (
	"bytes"
	"encoding/binary"

	"github.com/apache/arrow/go/v17/parquet/metadata"
)

// maxStatistic is the length of the longest text that is worth its place in the
// statistics. Readers would take a shortened one for a value.
const maxStatistic = 4096

// statistics are what a reader may know of values without reading them.
type statistics struct {
	nulls            int
	any              bool // there are values, of which these are the extremes
	minInt, maxInt   int64
	minText, maxText []byte
}

// addRows adds the values of rows from to to.
func (s *statistics) addRows(c *column, from, to int) {
	if c.isInt {
		for row := from; row < to; row++ {
			if !c.isNull(row) {
				s.addInt(c.ints[row])
			}
		}
		return
	}
	// Most texts are told from the extremes by their first byte. Before there are
	// extremes, no byte lies between these.
	least, most := 256, -1
	for row := from; row < to; row++ {
		text := c.value(row)
		if len(text) > 0 && int(text[0]) > least && int(text[0]) < most || c.isNull(row) {
			continue
		}
		s.addText(text)
		least, most = firstByte(s.minText), firstByte(s.maxText)
	}
}

// firstByte returns the first byte of text, less than any if there is none.
func firstByte(text []byte) int {
	if len(text) == 0 {
		return -1
	}
	return int(text[0])
}

// addDictionary adds all values of c, of which d is the dictionary.
func (s *statistics) addDictionary(c *column, d *dictionary) {
	for _, row := range d.rows {
		if c.isInt {
			s.addInt(c.ints[row])
		} else {
			s.addText(c.value(row))
		}
	}
}

func (s *statistics) addInt(value int64) {
	if !s.any {
		s.any, s.minInt, s.maxInt = true, value, value
	}
	s.minInt, s.maxInt = min(s.minInt, value), max(s.maxInt, value)
}

func (s *statistics) addText(value []byte) {
	switch {
	case !s.any:
		s.any, s.minText, s.maxText = true, value, value
	case bytes.Compare(value, s.minText) < 0:
		s.minText = value
	case bytes.Compare(value, s.maxText) > 0:
		s.maxText = value
	}
}

// merge adds the values that o is of.
func (s *statistics) merge(o statistics, isInt bool) {
	s.nulls += o.nulls
	switch {
	case !o.any:
	case isInt:
		s.addInt(o.minInt)
		s.addInt(o.maxInt)
	default:
		s.addText(o.minText)
		s.addText(o.maxText)
	}
}

// encode returns the statistics as the file has them: copies, since the library
// keeps them beyond the file.
func (s *statistics) encode(isInt bool) metadata.EncodedStatistics {
	e := metadata.EncodedStatistics{Signed: isInt}
	e.SetNullCount(int64(s.nulls))
	switch {
	case !s.any:
	case isInt:
		e.SetMin(binary.LittleEndian.AppendUint64(nil, uint64(s.minInt)))
		e.SetMax(binary.LittleEndian.AppendUint64(nil, uint64(s.maxInt)))
	default:
		if len(s.minText) <= maxStatistic {
			e.SetMin(bytes.Clone(s.minText))
		}
		if len(s.maxText) <= maxStatistic {
			e.SetMax(bytes.Clone(s.maxText))
		}
	}
	return e
}
