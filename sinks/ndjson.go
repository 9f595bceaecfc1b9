package sinks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// ndjsonFormat is one JSON object a line, with every column in it: an explicit
// null lets a loader see the table's schema in any row. Strings stand as they
// are but for what JSON must have escaped. Without rows the file is empty.
var ndjsonFormat = newTextFormat("ndjson", "application/x-ndjson", encodeNDJSON, inspectNDJSON)

func encodeNDJSON(w io.Writer, _ Encoding, rec arrow.Record) error {
	keys := make([][]byte, rec.NumCols())
	for i := range keys {
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		keys[i] = append(appendJSONString([]byte{before}, rec.ColumnName(i)), ':')
	}
	columns := rec.Columns()
	return writeRows(w, rec, nil, func(dst []byte, row int) []byte {
		for i, column := range columns {
			dst = append(dst, keys[i]...)
			if column.IsNull(row) {
				dst = append(dst, "null"...)
				continue
			}
			switch column := column.(type) {
			case *array.Int64:
				dst = strconv.AppendInt(dst, column.Value(row), 10)
			case *array.String:
				dst = appendJSONString(dst, column.Value(row))
			}
		}
		return append(dst, '}', '\n')
	})
}

// appendJSONString appends s, which is valid UTF-8, as a JSON string with no
// more escapes than the grammar asks for.
func appendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(append(dst, s[start:i]...), '\\')
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, c)
		case '\b':
			dst = append(dst, 'b')
		case '\f':
			dst = append(dst, 'f')
		case '\n':
			dst = append(dst, 'n')
		case '\r':
			dst = append(dst, 'r')
		case '\t':
			dst = append(dst, 't')
		default:
			dst = append(dst, 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// inspectNDJSON reads text with encoding/json. All rows must have the keys of
// the first, in its order.
func inspectNDJSON(text []byte, _ Encoding) (Contents, error) {
	var c Contents
	digest := newContentDigest()
	for len(text) > 0 {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended {
			return Contents{}, fmt.Errorf("row %d: %w", c.Rows+1, io.ErrUnexpectedEOF)
		}
		keys, values, err := jsonRow(line)
		if err != nil {
			return Contents{}, fmt.Errorf("row %d: %w", c.Rows+1, err)
		}
		if c.Rows == 0 {
			c.Columns = keys
			c.First, _ = values[0].(string)
		}
		if !slices.Equal(keys, c.Columns) {
			return Contents{}, fmt.Errorf("row %d: columns differ from those of row 1", c.Rows+1)
		}
		for _, value := range values {
			switch value := value.(type) {
			case nil:
				digest.null()
			case json.Number:
				digest.text(value.String())
			case string:
				digest.text(value)
			}
		}
		c.Rows++
		text = rest
	}
	c.SHA256 = digest.sum()
	return c, nil
}

// errNotRow says that a line is not the JSON of a row. The reader's own words
// are dropped: they quote the text.
var errNotRow = errors.New("line is not a JSON object of strings, numbers and nulls")

// jsonRow returns the keys of the object that line holds, one or more, and
// their values: a string, a json.Number or nil.
func jsonRow(line []byte) (keys []string, values []any, err error) {
	if !utf8.Valid(line) {
		return nil, nil, errors.New("line is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errNotRow
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, errNotRow
		}
		value, err := dec.Token()
		if err != nil {
			return nil, nil, errNotRow
		}
		switch value.(type) {
		case nil, json.Number, string:
		default:
			return nil, nil, errNotRow
		}
		keys, values = append(keys, key.(string)), append(values, value)
	}
	if _, err := dec.Token(); err != nil { // }
		return nil, nil, errNotRow
	}
	if _, err := dec.Token(); err != io.EOF || len(keys) == 0 {
		return nil, nil, errNotRow
	}
	return keys, values, nil
}
