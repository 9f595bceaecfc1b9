package sinks_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/schema"
	"enrow-export/sinks"
)

const batchID = "3d4cb64e-i64d-41e8-a686-736751004a32"

// people is a small table with all that a column can be.
var people = &schema.Table{
	Name:    "people",
	Version: 3,
	Columns: []schema.Column{
		{Name: "name"},
		{Name: "age", Type: schema.Int64},
		{Name: "note", Type: schema.Text},
		{Name: "city", Repeats: true},
		{Name: "floor", Type: schema.Int64, Repeats: true},
	},
}

type row = []any // a string, an int64 or nil for each column

// newRecord returns rows as a record of the table. The test fails if any of its
// memory is left at the end.
func newRecord(t testing.TB, table *schema.Table, rows ...row) arrow.Record {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	b := array.NewRecordBuilder(mem, table.Arrow(batchID))
	defer b.Release()
	for _, r := range rows {
		for i, value := range r {
			switch value := value.(type) {
			case nil:
				b.Field(i).AppendNull()
			case string:
				b.Field(i).(*array.StringBuilder).Append(value)
			case int64:
				b.Field(i).(*array.Int64Builder).Append(value)
			default:
				t.Fatalf("row has a %T", value)
			}
		}
	}
	rec := b.NewRecord()
	t.Cleanup(func() {
		rec.Release()
		mem.AssertSize(t, 0)
	})
	return rec
}

// awkwardRows are rows of people that formats are known to get wrong.
func awkwardRows() []row {
	return []row{
		{"Ada", int64(36), "", "Paris", int64(0)},
		{nil, nil, nil, nil, nil},
		{"", int64(0), "", "", nil},
		{`say "hi"`, int64(-1), `back\slash`, "Paris", int64(0)},
		{"a,b", int64(9223372036854775807), " led", nil, int64(-7)},
		{"line\nbreak", int64(-9223372036854775808), "trailing\t", "Łódź", nil},
		{"\r\n", nil, "\x00\x01\b\f\x1f\x7f", "Paris", int64(5)},
		{"𝔸😀 <&>\u2028\ufeff", int64(1), "NULL", "null", int64(5)},
	}
}

// manyRows returns n different rows of people.
func manyRows(n int) []row {
	rows := make([]row, n)
	for i := range rows {
		r := row{fmt.Sprintf("name %d", i), int64(i), strings.Repeat("x", i%50), fmt.Sprintf("city %d", i%7), int64(i % 5)}
		r[i%len(r)] = nil
		rows[i] = r
	}
	return rows
}

// encodings returns every format with every compression it takes.
func encodings(t testing.TB) []sinks.Encoding {
	t.Helper()
	var all []sinks.Encoding
	for _, f := range sinks.Formats() {
		for _, compression := range f.Compressions {
			all = append(all, newEncoding(t, f.Name, compression))
		}
	}
	return all
}

func newEncoding(t testing.TB, format, compression string) sinks.Encoding {
	t.Helper()
	e, err := sinks.NewEncoding(format, compression)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// eachEncoding runs test for every encoding there is.
func eachEncoding(t *testing.T, test func(*testing.T, sinks.Encoding)) {
	for _, e := range encodings(t) {
		t.Run(e.Format.Name+"/"+e.Compression, func(t *testing.T) { test(t, e) })
	}
}

func encode(t testing.TB, e sinks.Encoding, table *schema.Table, rec arrow.Record) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := e.Encode(&buf, table, rec); err != nil {
		t.Fatalf("encode: %v", err)
	}
	return buf.Bytes()
}
