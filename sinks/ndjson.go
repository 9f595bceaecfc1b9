package sinks

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
)

// ndjsonFormat is one JSON object a line, with every column in it: an explicit
// null lets a loader see the table's schema in any row. Strings stand as they
// are but for what JSON must have escaped. Without rows the file is empty.
var ndjsonFormat = newTextFormat("ndjson", "application/x-ndjson", encodeNDJSON, inspectNDJSON)

func encodeNDJSON(w io.Writer, _ Encoding, rec arrow.Record) error {
	return writeRows(w, rec, nil, textFormat{
		appendStart: appendJSONKey, appendCell: appendJSONCell, special: jsonSpecial, end: "}\n",
	})
}

func appendJSONKey(dst []byte, columns []column, i int) []byte {
	before := byte(',')
	if i == 0 {
		before = '{'
	}
	return append(appendJSONString(append(dst, before), []byte(columns[i].name)), ':')
}

func appendJSONCell(dst []byte, c *cell, row int) []byte {
	switch {
	case c.isNull(row):
		return append(dst, "null"...)
	case c.isInt:
		return strconv.AppendInt(dst, c.ints[row], 10)
	case !c.isSpecial(row):
		return append(appendShort(append(dst, '"'), c.value(row)), '"')
	}
	return appendJSONString(dst, c.value(row))
}

// appendJSONString appends text, which is valid UTF-8, as a JSON string with no
// more escapes than the grammar asks for.
func appendJSONString(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(append(dst, text[start:i]...), '\\')
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
	return append(append(dst, text[start:]...), '"')
}

// jsonSpecial is what JSON must have escaped.
var jsonSpecial = []func(text []byte) int{oneByte('"'), oneByte('\\'), indexControl}

// indexControl returns the offset of the first control character in text, -1 if
// there is none. It looks at eight bytes at a time: in each byte, the highest bit
// of word-0x20 with that of word cleared is set if the byte is below 0x20, or if a
// lower one was.
func indexControl(text []byte) int {
	const spaces, highBits = 0x2020202020202020, 0x8080808080808080
	at := 0
	for ; at+8 <= len(text); at += 8 {
		word := binary.LittleEndian.Uint64(text[at:])
		if (word-spaces)&^word&highBits != 0 {
			break
		}
	}
	for ; at < len(text); at++ {
		if text[at] < 0x20 {
			return at
		}
	}
	return -1
}

// inspectNDJSON reads text with encoding/json. All rows must have the keys of
// the first, in its order.
func inspectNDJSON(text []byte, _ Encoding) (Contents, error) {
	var c Contents
	var digest contentDigest
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
			return Contents{}, fmt.Errorf("row %d: columns differ from the columns of row 1", c.Rows+1)
		}
		for i, value := range values {
			switch value := value.(type) {
			case nil:
				digest.null(i)
			case json.Number:
				digest.text(i, value.String())
			case string:
				digest.text(i, value)
			}
		}
		c.Rows++
		text = rest
	}
	c.SHA256, c.Mixed = digest.sum(), digest.isMixed()
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
