package sinks

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// csvFormat is RFC 4180 with a header and "\n" as the line end. Null is an empty
// field and the empty string is "": PostgreSQL's COPY reads them back as such by
// default, DuckDB with allow_quoted_nulls=false. Readers that do not look at the
// quotes, encoding/csv and most spreadsheets, see two empty strings.
var csvFormat = newTextFormat("csv", "text/csv; charset=utf-8", encodeCSV, inspectCSV)

func encodeCSV(w io.Writer, rec arrow.Record) error {
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
				dst = appendCSVField(dst, column.Value(row))
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

// inspectCSV reads text with encoding/csv. All rows must have as many fields as
// the header.
func inspectCSV(text []byte) (Contents, error) {
	if !bytes.HasSuffix(text, []byte("\n")) {
		return Contents{}, fmt.Errorf("last line: %w", io.ErrUnexpectedEOF)
	}
	if !utf8.Valid(text) {
		return Contents{}, errors.New("file is not valid UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.ReuseRecord = true
	var c Contents
	for row := int64(0); ; row++ { // 0 is the header
		if rest := text[r.InputOffset():]; len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r') {
			return Contents{}, fmt.Errorf("row %d: line is empty", row) // the reader would skip it
		}
		record, err := r.Read()
		if err == io.EOF {
			c.Rows = row - 1
			return c, nil
		}
		if err != nil {
			return Contents{}, fmt.Errorf("row %d: %w", row, csvError(err))
		}
		switch row {
		case 0:
			c.Columns = slices.Clone(record)
		case 1:
			c.First = record[0]
		}
	}
}

// csvError drops the line and column that the reader adds: rows are numbered
// here, and a row may have several lines.
func csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}
