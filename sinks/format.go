package sinks

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"enrow-export/schema"
)

// Format is a file format. All that is particular to it hangs on its one value:
// code elsewhere asks the value and never compares names.
type Format struct {
	// Name is the format's name to users, and its file extension.
	Name string
	// ContentType is the media type of a file that is not compressed as a whole.
	ContentType string
	// Compressions are the names of the accepted compressions, the default first.
	Compressions []string

	// suffix returns what a compression adds to the extension.
	suffix func(compression string) string
	// encode writes the file to w. It may return nil although a write failed:
	// w remembers.
	encode func(w *latch, enc Encoding, table *schema.Table, rec arrow.Record) error
	// inspect reads a file that encode wrote with the same encoding.
	inspect func(data []byte, enc Encoding) (Contents, error)
}

// Formats returns all formats, the default first.
func Formats() []*Format {
	return []*Format{parquetFormat, ndjsonFormat, csvFormat}
}

// FormatByName returns the format of that name.
func FormatByName(name string) (*Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return nil, false
}

// Encoding is a format together with one of its compressions: all that decides
// the bytes of a file but the rows. NewEncoding makes one.
type Encoding struct {
	Format      *Format
	Compression string
	// CSVSafe says that an apostrophe stands before every text that a
	// spreadsheet would take for a formula. CSV only; else it changes nothing.
	CSVSafe bool
}

// NewEncoding returns the encoding of that format and compression; an empty
// compression is the format's default. The error of a name that is not accepted
// lists those that are.
func NewEncoding(format, compression string) (Encoding, error) {
	f, ok := FormatByName(format)
	if !ok {
		var names []string
		for _, f := range Formats() {
			names = append(names, f.Name)
		}
		return Encoding{}, fmt.Errorf("unknown format %q: choose %s", format, alternatives(names))
	}
	if compression == "" {
		compression = f.Compressions[0]
	}
	if !slices.Contains(f.Compressions, compression) {
		return Encoding{}, fmt.Errorf("unknown compression %q for %s: choose %s", compression, f.Name, alternatives(f.Compressions))
	}
	return Encoding{Format: f, Compression: compression}, nil
}

// alternatives joins two or more names for a reader: "a, b or c".
func alternatives(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Ext returns the extension of the encoding's files, without the leading dot:
// "parquet", "csv.gz".
func (e Encoding) Ext() string {
	return e.Format.Name + e.Format.suffix(e.Compression)
}

// Encode writes rec as one whole file to w. The schema of rec must be
// table.Arrow of some batch id, or table.ArrowOfMany. Encode neither retains nor releases rec, and
// never closes w. If w has a method Grow, as a bytes.Buffer has, it may be told
// about how much will be written. Errors do not name the format: the caller knows
// which file it is.
//
// After an error what w got is good for nothing, however whole it may look.
func (e Encoding) Encode(w io.Writer, table *schema.Table, rec arrow.Record) (err error) {
	if err := checkRecord(table, rec); err != nil {
		return err
	}
	out := &latch{w: w}
	defer func() {
		// The libraries panic on some failures, a failed first write among them.
		if p := recover(); p != nil {
			err = fmt.Errorf("encoder panicked: %v", p)
		}
		if out.err != nil {
			err = fmt.Errorf("write: %w", out.err)
		}
	}()
	return e.Format.encode(out, e, table, rec)
}

// checkRecord reports an error unless rec has the table's schema.
func checkRecord(table *schema.Table, rec arrow.Record) error {
	got, want := rec.Schema(), table.ArrowOfMany()
	if batchID, ok := got.Metadata().GetValue(schema.MetaBatchID); ok {
		want = table.Arrow(batchID)
	}
	if !got.Equal(want) || !got.Metadata().Equal(want.Metadata()) {
		return fmt.Errorf("record does not have the schema of table %s version %d", table.Name, table.Version)
	}
	return nil
}

// Contents is what a file says of itself when it is read back.
type Contents struct {
	// Rows counts the rows that were read, each to its end.
	Rows int64
	// Columns are the names of the columns, in the file's order; nil when the
	// file cannot tell, which is so of NDJSON without a row.
	Columns []string
	// First is the text in the first column of the first row, "" when there is
	// none: it tells which batch a file is of, unless Mixed.
	First string
	// Mixed says that the first column is not the same in all rows: they are of several
	// batches.
	Mixed bool
	// Table and BatchID are what Parquet says beside the rows; empty in other formats.
	Table, BatchID string
	// SHA256 is the digest of the rows that ContentSHA256 defines.
	SHA256 string
}

// Inspect reads a whole file, every value of it, with other readers than the
// code that wrote it. A file that is cut, has something behind its end, or is of
// another encoding is an error, which names a row by its number from 1 and holds
// no value.
//
// Inspect is no substitute for a digest, which should be compared first: damage
// within a value goes unseen, and damage to a length may cost memory.
func (e Encoding) Inspect(data []byte) (_ Contents, err error) {
	defer recoverReader(&err)
	return e.Format.inspect(data, e)
}

// recoverReader, deferred, makes an error of a panic: the Parquet reader's way to
// report damage.
func recoverReader(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("reader panicked: %v", p)
	}
}
