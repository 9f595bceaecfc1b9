package sinks

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	xparquet "github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/reader"

	"enrow-export/schema"
)

// openFooter writes a file of three rows and two columns and opens it as
// inspectParquet does.
func openFooter(t *testing.T) (*reader.ParquetReader, *memoryFile, int64) {
	t.Helper()
	table := &schema.Table{Name: "t", Version: 1, Columns: []schema.Column{{Name: "a", Repeats: true}, {Name: "b", Type: schema.Int64}}}
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := array.NewRecordBuilder(mem, table.Arrow("id"))
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"x", "", "x"}, nil)
	b.Field(1).(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, []bool{true, false, true})
	rec := b.NewRecord()
	defer rec.Release()

	var buf bytes.Buffer
	e := Encoding{Format: parquetFormat, Compression: "zstd"}
	if err := e.Encode(&buf, table, rec); err != nil {
		t.Fatal(err)
	}
	f := newMemoryFile(buf.Bytes())
	r, err := reader.NewParquetColumnReader(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	pagesEnd, err := parquetPages(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return r, f, pagesEnd
}

// The library would read most of these footers without a word.
func TestCheckFooter(t *testing.T) {
	for _, test := range []struct {
		name    string
		wantErr string
		change  func(*xparquet.FileMetaData)
	}{
		{"nothing", "", func(*xparquet.FileMetaData) {}},
		{"no columns", "not a flat table", func(m *xparquet.FileMetaData) { m.Schema = m.Schema[:1] }},
		{"nested columns", "not a flat table", func(m *xparquet.FileMetaData) { *m.Schema[0].NumChildren = 1 }},
		{"a column too few", "has 1 columns", func(m *xparquet.FileMetaData) { m.RowGroups[0].Columns = m.RowGroups[0].Columns[:1] }},
		{"rows of the file", "row groups have 3 rows", func(m *xparquet.FileMetaData) { m.NumRows = 4 }},
		{"rows of the group", "has 3 values", func(m *xparquet.FileMetaData) { m.RowGroups[0].NumRows = 2 }},
		{"values of a column", "column 2 has 4 values", func(m *xparquet.FileMetaData) { m.RowGroups[0].Columns[1].MetaData.NumValues = 4 }},
		{"begin of a dictionary", "column 1 lies outside", func(m *xparquet.FileMetaData) { *m.RowGroups[0].Columns[0].MetaData.DictionaryPageOffset = 3 }},
		{"begin of a page", "column 2 lies outside", func(m *xparquet.FileMetaData) { m.RowGroups[0].Columns[1].MetaData.DataPageOffset = 1 << 40 }},
		{"size of a column", "column 2 lies outside", func(m *xparquet.FileMetaData) { m.RowGroups[0].Columns[1].MetaData.TotalCompressedSize = 1 << 62 }},
		{"negative size", "column 2 lies outside", func(m *xparquet.FileMetaData) { m.RowGroups[0].Columns[1].MetaData.TotalCompressedSize = -1 }},
		{"codec", "column 1 is not compressed with zstd", func(m *xparquet.FileMetaData) {
			m.RowGroups[0].Columns[0].MetaData.Codec = xparquet.CompressionCodec_SNAPPY
		}},
	} {
		r, _, pagesEnd := openFooter(t)
		test.change(r.Footer)
		err := checkFooter(r.Footer, pagesEnd, "zstd")
		if test.wantErr == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.wantErr) {
			t.Errorf("%s: error %v, want %s", test.name, err, test.wantErr)
		}
	}
}

// A footer that is at one with itself, but not with the pages.
func TestReadColumnsCountsValues(t *testing.T) {
	for _, rows := range []int64{2, 4, 1000} {
		r, f, pagesEnd := openFooter(t)
		r.Footer.NumRows = rows
		for _, group := range r.Footer.RowGroups {
			group.NumRows = rows
			for _, chunk := range group.Columns {
				chunk.MetaData.NumValues = rows
			}
		}
		if err := checkFooter(r.Footer, pagesEnd, "zstd"); err != nil {
			t.Fatal(err)
		}
		if c, err := readColumns(r, f); err == nil {
			t.Errorf("a file of 3 rows was read as one of %d: %v", rows, c)
		}
		r.ReadStop()
	}
}
