package main

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

// foreign are files that are often given for a list of ids, by the bytes that they begin with.
var foreign = []struct{ magic, is, hint string }{
	{"PK\x03\x04", " is an Excel workbook (.xlsx) or another ZIP archive", saveAsCSV},
	{"PK\x05\x06", " is an empty ZIP archive", saveAsCSV},
	{"\xd0\xcf\x11\xe0", " is a workbook or document of an old version of Office (.xls)", saveAsCSV},
	{"\x1f\x8b", " is compressed with gzip", "decompress it, for example with gzip -dc FILE, and give --ids-file - to read the ids from a pipe"},
	{"\x28\xb5\x2f\xfd", " is compressed with zstd", "decompress it, for example with zstd -dc FILE, and give --ids-file - to read the ids from a pipe"},
	{"\xfd7zXZ\x00", " is compressed with xz", "decompress it, for example with xz -dc FILE, and give --ids-file - to read the ids from a pipe"},
	{"PAR1\x15", " is a Parquet file", "write the batches as CSV: enrow-export batches --format csv"},
	{"%PDF-", " is a PDF document", "save one batch id per line as plain text"},
	{`{\rtf`, " is an RTF document", "save one batch id per line as plain text"},
	{"\xff\xfe\x00\x00", " is in UTF-32", "save it as UTF-8"},
	{"\x00\x00\xfe\xff", " is in UTF-32", "save it as UTF-8"},
}

const saveAsCSV = "open it and save the sheet with the batch ids as CSV UTF-8"

// foreignText returns a fault when a list begins with a line of another kind of text.
func foreignText(line string) error {
	switch line[0] {
	case '{', '[':
		return &listFault{" is JSON", "save one batch id per line, for example with jq -r '.batch_id // .id' for objects, or jq -r '.[]' for an array of ids"}
	case '<':
		return &listFault{" is HTML or XML", "save one batch id per line as plain text; a saved page of an error is not a list"}
	}
	return nil
}

// plainText returns the text of a list as UTF-8 without a mark at its beginning, with \n
// at the end of lines, or a listFault that says what it is instead.
func plainText(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(&sticky{r: r}, maxLine)
	start, _ := in.Peek(8) // a later read returns the error again
	for _, f := range foreign {
		if bytes.HasPrefix(start, []byte(f.magic)) {
			return nil, &listFault{f.is, f.hint}
		}
	}
	if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
		return &lineEnds{r: in}, nil
	}
	order, known := utf16Order(start)
	if !known {
		return &lineEnds{r: in}, nil
	}
	return &lineEnds{r: unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(in)}, nil
}

// utf16Order returns the byte order of a text in UTF-16, unless it has a mark that says
// another, and reports whether it is in UTF-16. Without a mark the order shows in the
// first two characters, because ids are ASCII.
func utf16Order(start []byte) (order unicode.Endianness, known bool) {
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")), isWide(start, 1):
		return unicode.LittleEndian, true
	case isWide(start, 0):
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, false
}

// isWide reports whether a text has the null bytes of ASCII in UTF-16 at the odd places,
// or the even ones.
func isWide(start []byte, odd int) bool {
	n := min(len(start), 4) / 2 * 2
	for i, b := range start[:n] {
		if (b == 0) != (i%2 == odd) {
			return false
		}
	}
	return n > 0
}

// sticky is a reader whose error stays: a terminal would have to be told twice that the
// input has ended.
type sticky struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *sticky) Read(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.r.Read(p)
	}
	return n, s.err
}

// lineEnds makes \r\n, and \r with nothing after it, into \n.
type lineEnds struct {
	r        io.Reader
	carriage bool
}

// Read implements io.Reader.
func (l *lineEnds) Read(p []byte) (int, error) {
	for {
		n, err := l.r.Read(p)
		kept := l.normal(p[:n])
		if kept > 0 || err != nil || len(p) == 0 {
			return kept, err
		}
	}
}

// normal replaces line ends in place, and returns how many bytes are left.
func (l *lineEnds) normal(b []byte) int {
	if !l.carriage && bytes.IndexByte(b, '\r') < 0 {
		return len(b)
	}
	kept := 0
	for _, c := range b {
		after := l.carriage
		l.carriage = c == '\r'
		switch {
		case c == '\r':
			c = '\n'
		case c == '\n' && after:
			continue
		}
		b[kept] = c
		kept++
	}
	return kept
}

// declaredSeparator returns the separator that a line declares to Excel: sep=;
func declaredSeparator(line string) rune {
	value, ok := strings.CutPrefix(strings.ToLower(unquoted(line)), "sep=")
	switch {
	case !ok:
	case value == "":
		return '\t' // which was taken for white space
	case len(value) == 1 && strings.Contains(separators, value):
		return rune(value[0])
	}
	return 0
}
