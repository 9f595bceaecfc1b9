package sinks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// inspectCSV reads text by a reader of its own. That of the standard library
// says neither whether a field stood in quotes, which tells an empty string from
// a null, nor whether a line break inside one was "\r\n". All rows must have as
// many fields as the header.
func inspectCSV(text []byte, enc Encoding) (Contents, error) {
	if !bytes.HasSuffix(text, []byte("\n")) {
		return Contents{}, fmt.Errorf("last line: %w", io.ErrUnexpectedEOF)
	}
	if !utf8.Valid(text) {
		return Contents{}, errors.New("file is not valid UTF-8")
	}
	r := csvReader{text: string(text)}
	header, err := r.row(nil)
	if err != nil {
		return Contents{}, fmt.Errorf("row 0: %w", err)
	}
	var c Contents
	for _, field := range header {
		c.Columns = append(c.Columns, field.text)
	}
	var digest contentDigest
	var fields []csvField
	for len(r.text) > 0 {
		if fields, err = r.row(fields[:0]); err != nil {
			return Contents{}, fmt.Errorf("row %d: %w", c.Rows+1, err)
		}
		if len(fields) != len(header) {
			return Contents{}, fmt.Errorf("row %d: has %d fields, the header %d", c.Rows+1, len(fields), len(header))
		}
		if c.Rows++; c.Rows == 1 {
			c.First = fields[0].text
		}
		for i, field := range fields {
			switch {
			case field.text == "" && !field.quoted:
				digest.null(i)
			case enc.CSVSafe:
				digest.text(i, restore(field.text))
			default:
				digest.text(i, field.text)
			}
		}
	}
	c.SHA256, c.Mixed = digest.sum(), digest.isMixed()
	return c, nil
}

type csvField struct {
	text   string
	quoted bool
}

// csvReader reads RFC 4180 with "\n" as the line end.
type csvReader struct{ text string }

// row appends the fields of the next row to fields.
func (r *csvReader) row(fields []csvField) ([]csvField, error) {
	if strings.HasPrefix(r.text, "\n") {
		return nil, errors.New("line is empty")
	}
	for {
		field, err := r.field()
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
		end := r.text[0]
		r.text = r.text[1:]
		if end == '\n' {
			return fields, nil
		}
	}
}

// field reads one field up to the comma or line end behind it.
func (r *csvReader) field() (csvField, error) {
	if !strings.HasPrefix(r.text, `"`) {
		end := strings.IndexAny(r.text, "\",\r\n") // there is always a line end
		if c := r.text[end]; c == '"' || c == '\r' {
			return csvField{}, errors.New("field without quotes has a quote or a carriage return")
		}
		field := csvField{text: r.text[:end]}
		r.text = r.text[end:]
		return field, nil
	}
	var text strings.Builder
	rest := r.text[1:]
	for {
		part, after, closed := strings.Cut(rest, `"`)
		text.WriteString(part)
		switch {
		case !closed, after == "":
			return csvField{}, errors.New("field in quotes is cut off")
		case after[0] == '"':
			text.WriteByte('"')
			rest = after[1:]
		case after[0] == ',', after[0] == '\n':
			r.text = after
			return csvField{text: text.String(), quoted: true}, nil
		default:
			return csvField{}, errors.New("field continues after its closing quote")
		}
	}
}
