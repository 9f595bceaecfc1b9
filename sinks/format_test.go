package sinks_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

func TestFormats(t *testing.T) {
	var got [][]string
	for _, f := range sinks.Formats() {
		byName, ok := sinks.FormatByName(f.Name)
		if !ok || byName != f {
			t.Errorf("FormatByName(%q) is not the format of that name", f.Name)
		}
		for _, c := range f.Compressions {
			got = append(got, []string{f.Name, c, newEncoding(t, f.Name, c).Ext(), f.ContentType})
		}
	}
	want := [][]string{
		{"parquet", "zstd", "parquet", "application/vnd.apache.parquet"},
		{"parquet", "snappy", "parquet", "application/vnd.apache.parquet"},
		{"parquet", "gzip", "parquet", "application/vnd.apache.parquet"},
		{"parquet", "none", "parquet", "application/vnd.apache.parquet"},
		{"ndjson", "none", "ndjson", "application/x-ndjson"},
		{"ndjson", "gzip", "ndjson.gz", "application/x-ndjson"},
		{"ndjson", "zstd", "ndjson.zst", "application/x-ndjson"},
		{"csv", "none", "csv", "text/csv; charset=utf-8"},
		{"csv", "gzip", "csv.gz", "text/csv; charset=utf-8"},
		{"csv", "zstd", "csv.zst", "text/csv; charset=utf-8"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("formats (-want +got):\n%s", diff)
	}
	if _, ok := sinks.FormatByName("orc"); ok {
		t.Error(`FormatByName("orc") found a format`)
	}
}

func TestNewEncoding(t *testing.T) {
	for _, test := range []struct{ format, compression, want, wantErr string }{
		{"parquet", "", "zstd", ""},
		{"ndjson", "", "none", ""},
		{"csv", "", "none", ""},
		{"csv", "gzip", "gzip", ""},
		{"xml", "", "", `unknown format "xml": choose parquet, ndjson or csv`},
		{"", "", "", `unknown format "": choose parquet, ndjson or csv`},
		{"csv", "snappy", "", `unknown compression "snappy" for csv: choose none, gzip or zstd`},
		{"parquet", "GZIP", "", `unknown compression "GZIP" for parquet: choose zstd, snappy, gzip or none`},
	} {
		e, err := sinks.NewEncoding(test.format, test.compression)
		var gotErr string
		if err != nil {
			gotErr = err.Error()
		}
		if gotErr != test.wantErr || e.Compression != test.want {
			t.Errorf("NewEncoding(%q, %q) = %q, %q; want %q, %q",
				test.format, test.compression, e.Compression, gotErr, test.want, test.wantErr)
		}
	}
}

func TestEncodeRefusesRecordsOfOtherSchemas(t *testing.T) {
	rec := newRecord(t, people, awkwardRows()...)
	own := rec.Schema()
	withMetadata := func(keys, values []string) arrow.Record {
		meta := arrow.NewMetadata(keys, values)
		return array.NewRecord(arrow.NewSchema(own.Fields(), &meta), rec.Columns(), rec.NumRows())
	}
	withFields := func(fields []arrow.Field, columns []arrow.Array) arrow.Record {
		meta := own.Metadata()
		return array.NewRecord(arrow.NewSchema(fields, &meta), columns, rec.NumRows())
	}
	renamed := slices.Clone(own.Fields())
	renamed[0].Name = "nom"
	required := slices.Clone(own.Fields())
	required[1].Nullable = false
	last := len(own.Fields()) - 1

	records := map[string]arrow.Record{
		"no metadata":     withMetadata(nil, nil),
		"another table":   withMetadata(own.Metadata().Keys(), []string{"places", "3", batchID}),
		"another version": withMetadata(own.Metadata().Keys(), []string{"people", "2", batchID}),
		"renamed column":  withFields(renamed, rec.Columns()),
		"required column": withFields(required, rec.Columns()),
		"missing column":  withFields(own.Fields()[:last], rec.Columns()[:last]),
		"swapped columns": withFields(
			[]arrow.Field{own.Field(2), own.Field(1), own.Field(0), own.Field(3), own.Field(4)},
			[]arrow.Array{rec.Column(2), rec.Column(1), rec.Column(0), rec.Column(3), rec.Column(4)}),
	}
	for name, other := range records {
		for _, e := range encodings(t) {
			var buf bytes.Buffer
			if err := e.Encode(&buf, people, other); err == nil || buf.Len() > 0 {
				t.Errorf("%s: %s: wrote %d bytes, error %v", name, e.Ext(), buf.Len(), err)
			}
		}
		other.Release()
	}
}

func TestSameRowsGiveSameBytes(t *testing.T) {
	var longCities []row // more than what a dictionary commonly holds
	for i := range 4 {
		longCities = append(longCities, row{"x", nil, nil, strings.Repeat(string(rune('a'+i)), 600<<10), nil})
	}
	recs := []arrow.Record{
		newRecord(t, people, longCities...),
		newRecord(t, people, awkwardRows()...),
		newRecord(t, people, manyRows(3000)...),
		newRecord(t, people),
	}
	eachEncoding(t, func(t *testing.T, e sinks.Encoding) {
		var first [][]byte
		for _, rec := range recs {
			first = append(first, encode(t, e, people, rec))
		}
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for i := range 2 * len(recs) {
					n := (worker + i) % len(recs) // another order for every worker
					var buf bytes.Buffer
					if err := e.Encode(&buf, people, recs[n]); err != nil {
						t.Errorf("encode: %v", err)
					}
					if !bytes.Equal(buf.Bytes(), first[n]) {
						t.Errorf("record %d: bytes differ from the first time", n)
					}
				}
			})
		}
		wg.Wait()
	})
}

// A gzip header has room for a time, a name and an operating system.
func TestGzipHeaderTellsNothing(t *testing.T) {
	for _, format := range []string{"ndjson", "csv"} {
		data := encode(t, newEncoding(t, format, "gzip"), people, newRecord(t, people, awkwardRows()...))
		const flags, extra, system = 3, 8, 9
		if header := data[:10]; !bytes.Equal(header[flags:extra], make([]byte, 5)) || header[system] != 255 {
			t.Errorf("%s: header is %x", format, header)
		}
	}
}

func TestEncodeOfSlice(t *testing.T) {
	rows := append(manyRows(20), awkwardRows()...)
	rec := newRecord(t, people, rows...)
	eachEncoding(t, func(t *testing.T, e sinks.Encoding) {
		for _, cut := range [][2]int{{0, 3}, {3, 27}, {13, 28}, {21, 22}, {28, 28}} {
			slice := rec.NewSlice(int64(cut[0]), int64(cut[1]))
			got := encode(t, e, people, slice)
			slice.Release()
			want := encode(t, e, people, newRecord(t, people, rows[cut[0]:cut[1]]...))
			if !bytes.Equal(got, want) {
				t.Errorf("rows %d to %d: bytes differ from those of a record of these rows", cut[0], cut[1])
			}
		}
	})
}

var errDiskFull = errors.New("disk full")

// faultyWriter takes limit bytes, then fails. It counts the calls after that.
type faultyWriter struct {
	limit int
	short bool // break the contract of io.Writer: too few bytes, no error
	after int
	fault bool
}

func (w *faultyWriter) Write(p []byte) (int, error) {
	if w.fault {
		w.after++
	}
	if len(p) <= w.limit {
		w.limit -= len(p)
		return len(p), nil
	}
	w.fault = true
	n := w.limit
	w.limit = 0
	if w.short {
		return n, nil
	}
	return n, errDiskFull
}

func TestEncodeToWriterThatFails(t *testing.T) {
	recs := []arrow.Record{
		newRecord(t, people, awkwardRows()...),
		newRecord(t, people, manyRows(2000)...),
		newRecord(t, people),
	}
	eachEncoding(t, func(t *testing.T, e sinks.Encoding) {
		for _, rec := range recs {
			size := len(encode(t, e, people, rec))
			for limit := 0; limit < size; limit++ {
				// Every byte at both ends, where marks and footers are.
				if limit >= 16 && limit < size-24 && limit%(size/8+1) != 0 {
					continue
				}
				w, want := &faultyWriter{limit: limit}, errDiskFull
				if limit%2 == 1 {
					w.short, want = true, io.ErrShortWrite
				}
				if err := e.Encode(w, people, rec); !errors.Is(err, want) {
					t.Fatalf("write fails after %d of %d bytes: error %v, want %v", limit, size, err, want)
				}
				if w.after > 0 {
					t.Fatalf("write fails after %d of %d bytes: %d writes follow", limit, size, w.after)
				}
			}
		}
	})
}

type panickingWriter struct{}

func (panickingWriter) Write([]byte) (int, error) { panic("out of luck") }

func TestEncodeTurnsPanicsIntoErrors(t *testing.T) {
	rec := newRecord(t, people, awkwardRows()...)
	eachEncoding(t, func(t *testing.T, e sinks.Encoding) {
		if err := e.Encode(panickingWriter{}, people, rec); err == nil {
			t.Error("no error")
		}
	})
}

type closeableWriter struct {
	bytes.Buffer
	closed bool
}

func (w *closeableWriter) Close() error {
	w.closed = true
	return nil
}

func TestEncodeLeavesWriterOpen(t *testing.T) {
	rec := newRecord(t, people, awkwardRows()...)
	eachEncoding(t, func(t *testing.T, e sinks.Encoding) {
		var w closeableWriter
		if err := e.Encode(&w, people, rec); err != nil {
			t.Fatal(err)
		}
		if w.closed {
			t.Error("writer was closed")
		}
	})
}
