package sinks_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	xparquet "github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/reader"
	"github.com/xitongsys/parquet-go/source"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// parquetBytes is a source.ParquetFile; what it does not implement is not called.
type parquetBytes struct {
	source.ParquetFile
	*bytes.Reader
	data []byte
}

func (f parquetBytes) Read(p []byte) (int, error)             { return f.Reader.Read(p) }
func (f parquetBytes) Seek(at int64, from int) (int64, error) { return f.Reader.Seek(at, from) }
func (f parquetBytes) Close() error                           { return nil }

func (f parquetBytes) Open(string) (source.ParquetFile, error) {
	return parquetBytes{Reader: bytes.NewReader(f.data), data: f.data}, nil
}

// readParquet reads a file with the library that did not write it, and returns
// its rows and its footer.
func readParquet(t testing.TB, data []byte) ([]row, *xparquet.FileMetaData) {
	t.Helper()
	r, err := reader.NewParquetColumnReader(parquetBytes{Reader: bytes.NewReader(data), data: data}, 1)
	if err != nil {
		t.Fatalf("read footer: %v", err)
	}
	defer r.ReadStop()
	rows := make([]row, r.GetNumRows())
	for i, info := range r.SchemaHandler.Infos[1:] {
		r.Footer.Schema[i+1].Name = info.ExName // opening the file has changed it
		if len(rows) == 0 {
			continue
		}
		values, _, _, err := r.ReadColumnByIndex(int64(i), r.GetNumRows())
		if err != nil || len(values) != len(rows) {
			t.Fatalf("read column %d: %d values of %d, error %v", i, len(values), len(rows), err)
		}
		for n, value := range values {
			rows[n] = append(rows[n], value)
		}
	}
	return rows, r.Footer
}

func eachParquet(t *testing.T, test func(t *testing.T, e sinks.Encoding)) {
	format, _ := sinks.FormatByName("parquet")
	for _, compression := range format.Compressions {
		t.Run(compression, func(t *testing.T) { test(t, newEncoding(t, "parquet", compression)) })
	}
}

func TestParquetValues(t *testing.T) {
	nulls := make([]row, 5)
	empties := make([]row, 5)
	for i := range nulls {
		nulls[i] = row{nil, nil, nil, nil, nil}
		empties[i] = row{"", nil, "", "", nil}
	}
	manyCities := manyRows(3000)
	for i, r := range manyCities {
		r[3] = fmt.Sprintf("a city that is like no other, number %d", i)
	}
	for name, rows := range map[string][]row{
		"awkward":                         awkwardRows(),
		"several batches":                 manyRows(5000),
		"all null":                        nulls,
		"all empty":                       empties,
		"one row":                         {{"Ada", int64(36), "first", "Paris", int64(1)}},
		"distinct values in a dictionary": manyCities,
	} {
		t.Run(name, func(t *testing.T) {
			eachParquet(t, func(t *testing.T, e sinks.Encoding) {
				got, _ := readParquet(t, encode(t, e, people, newRecord(t, people, rows...)))
				if diff := cmp.Diff(rows, got); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestParquetLargeCells(t *testing.T) {
	large := strings.Repeat("𝔸\x00é", 10<<20/7)
	rows := []row{
		{"before", int64(1), large, large, nil},
		{large, int64(2), nil, "small", nil},
		{nil, int64(3), "after", large, nil},
	}
	eachParquet(t, func(t *testing.T, e sinks.Encoding) {
		got, _ := readParquet(t, encode(t, e, people, newRecord(t, people, rows...)))
		if !slices.EqualFunc(rows, got, slices.Equal[row]) {
			t.Error("large cells came back changed")
		}
	})
}

// Values that fill many pages must not end up in one.
func TestParquetPagesAreBounded(t *testing.T) {
	rows := make([]row, 64)
	for i := range rows {
		rows[i] = row{strings.Repeat(string(rune('a'+i%26)), 256<<10), nil, nil, nil, nil}
	}
	data := encode(t, newEncoding(t, "parquet", "none"), people, newRecord(t, people, rows...))
	got, footer := readParquet(t, data)
	if !slices.EqualFunc(rows, got, slices.Equal[row]) {
		t.Error("rows came back changed")
	}
	pages := int32(0)
	for _, stats := range footer.RowGroups[0].Columns[0].MetaData.EncodingStats {
		pages += stats.Count
	}
	if pages != 16 {
		t.Errorf("16 MiB of values are in %d pages, want 16", pages)
	}
}

// A column with a dictionary may have pages that are all null, or hold one value
// of many, and indices of more than a byte.
func TestParquetDictionaryOfManyPages(t *testing.T) {
	const pageRows = 1 << 18 // of four bytes each, as pages count them
	rows := make([]row, 3*pageRows+5)
	for i := range rows {
		rows[i] = row{nil, nil, nil, nil, nil}
		switch {
		case i < pageRows: // all null
		case i < 2*pageRows:
			rows[i][4] = int64(i % 300)
		default:
			rows[i][4] = int64(299)
		}
		if i%3 > 0 {
			rows[i][1] = int64(i)
		}
	}
	got, footer := readParquet(t, encode(t, newEncoding(t, "parquet", ""), people, newRecord(t, people, rows...)))
	if !slices.EqualFunc(rows, got, slices.Equal[row]) {
		t.Error("rows came back changed")
	}
	for column, want := range map[int]int32{1: 7, 4: 8} {
		pages := int32(0)
		for _, stats := range footer.RowGroups[0].Columns[column].MetaData.EncodingStats {
			pages += stats.Count
		}
		if pages != want {
			t.Errorf("column %d has %d pages, want %d", column, pages, want)
		}
	}
}

func TestParquetWithoutRows(t *testing.T) {
	eachParquet(t, func(t *testing.T, e sinks.Encoding) {
		rows, footer := readParquet(t, encode(t, e, people, newRecord(t, people)))
		if len(rows) != 0 || len(footer.Schema) != 1+len(people.Columns) {
			t.Errorf("file has %d rows and %d columns", len(rows), len(footer.Schema)-1)
		}
	})
}

func TestParquetFooter(t *testing.T) {
	const optional, required = xparquet.FieldRepetitionType_OPTIONAL, xparquet.FieldRepetitionType_REQUIRED
	codecs := map[string]xparquet.CompressionCodec{
		"zstd":   xparquet.CompressionCodec_ZSTD,
		"snappy": xparquet.CompressionCodec_SNAPPY,
		"gzip":   xparquet.CompressionCodec_GZIP,
		"none":   xparquet.CompressionCodec_UNCOMPRESSED,
	}
	rec := newRecord(t, people, manyRows(2500)...)
	eachParquet(t, func(t *testing.T, e sinks.Encoding) {
		_, footer := readParquet(t, encode(t, e, people, rec))

		if got := footer.GetCreatedBy(); got != "enrow-export" {
			t.Errorf("created by %q", got)
		}
		var meta [][2]string
		for _, kv := range footer.KeyValueMetadata {
			meta = append(meta, [2]string{kv.Key, kv.GetValue()})
		}
		wantMeta := [][2]string{{schema.MetaTable, "people"}, {schema.MetaVersion, "3"}, {schema.MetaBatchID, batchID}}
		if diff := cmp.Diff(wantMeta, meta); diff != "" {
			t.Errorf("metadata (-want +got):\n%s", diff)
		}
		if got := footer.Schema[0].GetRepetitionType(); !footer.Schema[0].IsSetRepetitionType() || got != required {
			t.Errorf("root is %v", got)
		}
		if len(footer.RowGroups) != 1 || len(footer.ColumnOrders) != len(people.Columns) {
			t.Fatalf("%d row groups, %d column orders", len(footer.RowGroups), len(footer.ColumnOrders))
		}
		for i, column := range people.Columns {
			element, chunk := footer.Schema[i+1], footer.RowGroups[0].Columns[i].MetaData
			if element.Name != column.Name || element.GetRepetitionType() != optional {
				t.Errorf("column %d is %v %s", i, element.GetRepetitionType(), element.Name)
			}
			want := "BYTE_ARRAY UTF8 LogicalType({STRING:StringType({})"
			if column.Type == schema.Int64 {
				want = "INT64 <nil> <nil>"
			}
			if got := fmt.Sprint(element.GetType(), " ", element.ConvertedType, " ", element.LogicalType); !strings.HasPrefix(got, want) {
				t.Errorf("%s is %s, want %s", column.Name, got, want)
			}
			if chunk.Codec != codecs[e.Compression] {
				t.Errorf("%s is compressed with %v", column.Name, chunk.Codec)
			}
			if got := slices.Contains(chunk.Encodings, xparquet.Encoding_RLE_DICTIONARY); got != column.Repeats {
				t.Errorf("%s has the encodings %v", column.Name, chunk.Encodings)
			}
			if chunk.Statistics.GetNullCount() != 500 {
				t.Errorf("%s has %d nulls according to its statistics", column.Name, chunk.Statistics.GetNullCount())
			}
		}
	})
}

func TestParquetStatistics(t *testing.T) {
	int64Bytes := func(n int64) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	type bounds struct{ Min, Max any }
	for _, test := range []struct {
		name string
		rows []row
		want []bounds
	}{
		{
			"values",
			[]row{{"b", int64(2), "é", "y", int64(-1)}, {"a", int64(-3), "z", nil, nil}, {nil, int64(1), "", "x", int64(4)}},
			[]bounds{{"a", "b"}, {int64Bytes(-3), int64Bytes(2)}, {"", "é"}, {"x", "y"}, {int64Bytes(-1), int64Bytes(4)}},
		},
		{
			"empty strings",
			[]row{{"", nil, nil, "", nil}},
			[]bounds{{"", ""}, {nil, nil}, {nil, nil}, {"", ""}, {nil, nil}},
		},
		{
			"too long to be worth it",
			[]row{{strings.Repeat("x", 5000), nil, nil, nil, nil}},
			[]bounds{{nil, nil}, {nil, nil}, {nil, nil}, {nil, nil}, {nil, nil}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, footer := readParquet(t, encode(t, newEncoding(t, "parquet", ""), people, newRecord(t, people, test.rows...)))
			var got []bounds
			for _, chunk := range footer.RowGroups[0].Columns {
				var b bounds
				if s := chunk.MetaData.Statistics; s.IsSetMinValue() {
					b.Min = string(s.MinValue)
				}
				if s := chunk.MetaData.Statistics; s.IsSetMaxValue() {
					b.Max = string(s.MaxValue)
				}
				got = append(got, b)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("statistics (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParquet(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, a, b string, n int64, nulls byte) {
		want := pairRows(a, b, n, nulls)
		data := encode(t, newEncoding(t, "parquet", ""), pairs, newRecord(t, pairs, want...))
		got, _ := readParquet(t, data)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// A footer that no writer makes is an error: it may be anybody's. It is found before the
// reader takes the memory that the footer says is needed.
func TestParquetReaderOfHostileFooters(t *testing.T) {
	const head, column, tail = "\x15\x02\x19\x2c\x48\x06schema\x15", "\x15\x0c\x25\x02\x18\x01x\x00", "\x16\x00\x19\x0c\x00"
	many := string(binary.AppendVarint(nil, 1<<26)) // each takes 16 bytes
	for what, footer := range map[string]string{
		"many columns":    head + many + "\x00" + column + tail,
		"column of many":  head + "\x02\x00" + "\x35\x02\x18\x01x\x15" + many + "\x00" + tail,
		"no schema":       "\x15\x02\x19\x0c\x16\x00\x19\x0c\x00",
		"no columns":      "\x15\x02\x19\x1c\x48\x06schema\x15\x00\x00\x16\x00\x19\x0c\x00",
		"nothing":         "\x00",
		"a half":          "\x15\x02\x19",
		"negative number": "\x15\x02\x19\x1c\x48\x06schema\x15\x01\x00\x16\x01\x19\x0c\x00",
	} {
		data := "PAR1" + footer + string(binary.LittleEndian.AppendUint32(nil, uint32(len(footer)))) + "PAR1"
		if _, err := sinks.NewParquetReader([]byte(data), memory.DefaultAllocator); err == nil || strings.Contains(err.Error(), "panicked") {
			t.Errorf("%s: error %v", what, err)
		}
	}
}
