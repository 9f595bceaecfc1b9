package sinks

import (
	"io"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
)

// csvFormat is RFC 4180 with a header and "\n" as the line end. Null is an empty
// field and the empty string is "": PostgreSQL's COPY reads them back as such by
// default, DuckDB with allow_quoted_nulls=false. Readers that do not look at the
// quotes, encoding/csv and most spreadsheets, see two empty strings.
var csvFormat = newTextFormat("csv", "text/csv; charset=utf-8", encodeCSV, inspectCSV)

func encodeCSV(w io.Writer, enc Encoding, rec arrow.Record) error {
	var header []byte
	for i := range int(rec.NumCols()) {
		if i > 0 {
			header = append(header, ',')
		}
		header = appendCSVField(header, []byte(rec.ColumnName(i)))
	}
	header = append(header, '\n')
	format := textFormat{appendStart: appendCSVStart, appendCell: appendCSVCell, special: csvSpecial, end: "\n"}
	if enc.CSVSafe {
		format.appendCell = appendSafeCSVCell
	}
	return writeRows(w, rec, header, format)
}

func appendCSVStart(dst []byte, _ []column, i int) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return dst
}

func appendCSVCell(dst []byte, c *cell, row int) []byte {
	switch {
	case c.isNull(row):
		return dst
	case c.isInt:
		return strconv.AppendInt(dst, c.ints[row], 10)
	}
	text := c.value(row)
	if !c.isSpecial(row) && !isBlankAtEnds(text) {
		return appendShort(dst, text)
	}
	return appendCSVField(dst, text)
}

func appendSafeCSVCell(dst []byte, c *cell, row int) []byte {
	if c.isInt || c.isNull(row) {
		return appendCSVCell(dst, c, row)
	}
	return appendCSVField(dst, csvSafe(c.value(row)))
}

// appendCSVField appends a value that is not null, in quotes if it needs them.
func appendCSVField(dst, text []byte) []byte {
	if !needsQuotes(text) {
		return appendShort(dst, text)
	}
	dst = append(dst, '"')
	start := 0
	for i, c := range text {
		if c == '"' {
			dst = append(append(dst, text[start:i]...), '"')
			start = i // the quote itself goes with what follows
		}
	}
	return append(append(dst, text[start:]...), '"')
}

// needsQuotes reports whether text would be read back as something else, by any
// reader, if it stood bare. Some trim white space around bare fields.
func needsQuotes(text []byte) bool {
	if isBlankAtEnds(text) {
		return true
	}
	for _, c := range text {
		switch c {
		case '"', ',', '\r', '\n':
			return true
		}
	}
	return false
}

// csvSpecial is what needs quotes wherever in a text it is.
var csvSpecial = []func(text []byte) int{oneByte('"'), oneByte(','), oneByte('\r'), oneByte('\n')}

// isBlankAtEnds reports whether text is empty, or begins or ends with a blank.
func isBlankAtEnds(text []byte) bool {
	return len(text) == 0 || isBlank(text[0]) || isBlank(text[len(text)-1])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
