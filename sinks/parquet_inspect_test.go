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
func openFooter(t *testing.T) (*reader.ParquetReader, []byte) {
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
	r, err := reader.NewParquetColumnReader(newMemoryFile(buf.Bytes()), 1)
	if err != nil {
		t.Fatal(err)
	}
	return r, buf.Bytes()
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
		{"required column", "column 2 is not optional", func(m *xparquet.FileMetaData) {
			*m.Schema[2].RepetitionType = xparquet.FieldRepetitionType_REQUIRED
		}},
		{"type of a column", "column 1 has another type", func(m *xparquet.FileMetaData) { *m.Schema[1].Type = xparquet.Type_INT64 }},
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
		r, data := openFooter(t)
		pagesEnd, err := parquetPages(data)
		if err != nil {
			t.Fatal(err)
		}
		test.change(r.Footer)
		err = checkFooter(r.Footer, pagesEnd, "zstd")
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

func TestCheckPages(t *testing.T) {
	for _, test := range []struct {
		name    string
		column  int
		wantErr string
		change  func(*xparquet.ColumnMetaData)
	}{
		{"nothing", 0, "", func(*xparquet.ColumnMetaData) {}},
		{"nothing", 1, "", func(*xparquet.ColumnMetaData) {}},
		{"a value too few", 0, "more than 2 values", func(m *xparquet.ColumnMetaData) { m.NumValues = 2 }},
		{"a value too many", 1, "read page header", func(m *xparquet.ColumnMetaData) { m.NumValues = 4 }},
		{"a byte too few", 0, "skip page: EOF", func(m *xparquet.ColumnMetaData) { m.TotalCompressedSize-- }},
		{"a byte too many", 1, "bytes follow", func(m *xparquet.ColumnMetaData) { m.TotalCompressedSize++ }},
		{"begin", 1, "page header", func(m *xparquet.ColumnMetaData) { m.DataPageOffset++ }},
		{"no dictionary", 0, "page header is damaged", func(m *xparquet.ColumnMetaData) { m.DictionaryPageOffset = nil }},
		{"dictionary larger than the column", 0, "dictionary is damaged", func(m *xparquet.ColumnMetaData) { m.NumValues = 1 }},
	} {
		r, data := openFooter(t)
		meta := r.Footer.RowGroups[0].Columns[test.column].MetaData
		test.change(meta)
		err := checkPages(data, meta)
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

// The rows are counted as they are read, too.
func TestReadColumnsCountsRows(t *testing.T) {
	for _, rows := range []int64{2, 4} {
		r, _ := openFooter(t)
		r.Footer.NumRows = rows
		for _, chunk := range r.Footer.RowGroups[0].Columns {
			chunk.MetaData.NumValues = rows
		}
		if c, err := readColumns(r); err == nil {
			t.Errorf("a file of 3 rows was read as one of %d: %v", rows, c)
		}
		r.ReadStop()
	}
}
