package sinks

import (
	"io"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
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
		header = appendCSVField(header, rec.ColumnName(i))
	}
	header = append(header, '\n')
	columns := rec.Columns()
	return writeRows(w, rec, header, func(dst []byte, row int) []byte {
		for i, column := range columns {
			if i > 0 {
				dst = append(dst, ',')
			}
			if column.IsNull(row) {
				continue
			}
			switch column := column.(type) {
			case *array.Int64:
				dst = strconv.AppendInt(dst, column.Value(row), 10)
			case *array.String:
				text := column.Value(row)
				if enc.Neutralised {
					text = neutralise(text)
				}
				dst = appendCSVField(dst, text)
			}
		}
		return append(dst, '\n')
	})
}

// appendCSVField appends a value that is not null, in quotes if it needs them.
func appendCSVField(dst []byte, s string) []byte {
	if !needsQuotes(s) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		if s[i] == '"' {
			dst = append(append(dst, s[start:i]...), '"')
			start = i // the quote itself goes with what follows
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// needsQuotes reports whether s would be read back as something else, by any
// reader, if it stood bare. Some trim white space around bare fields.
func needsQuotes(s string) bool {
	if s == "" || isBlank(s[0]) || isBlank(s[len(s)-1]) {
		return true
	}
	for i := range len(s) {
		switch s[i] {
		case '"', ',', '\r', '\n':
			return true
		}
	}
	return false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
