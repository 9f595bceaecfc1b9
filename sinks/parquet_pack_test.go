package sinks_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// pack packs batches into one file. Memory that it leaves fails the test.
func pack(t testing.TB, e sinks.Encoding, batches ...arrow.Record) []byte {
	t.Helper()
	var buf bytes.Buffer
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	p, err := sinks.NewPacker(&buf, e, people, mem)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	var rows int64
	for _, rec := range batches {
		if err := p.Append(rec); err != nil {
			t.Fatal(err)
		}
		if rows += rec.NumRows(); p.Rows() != rows {
			t.Errorf("the packer counts %d rows, want %d", p.Rows(), rows)
		}
	}
	if err := p.Finish(nil); err != nil {
		t.Fatal(err)
	}
	if p.Size() != int64(buf.Len()) {
		t.Errorf("the packer says %d bytes, wrote %d", p.Size(), buf.Len())
	}
	return buf.Bytes()
}

// groupReader is what reads a packed file, one row group at a time.
type groupReader interface {
	RowGroups() int
	ReadGroup(group int, table *schema.Table) (arrow.Record, error)
}

// readersOf returns both readers of a packed file: the one of compact, and the one of
// verify, which shares no code with the writer.
func readersOf(t testing.TB, e sinks.Encoding, data []byte) map[string]groupReader {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	r, err := sinks.NewParquetReader(data, mem)
	if err != nil {
		t.Fatal(err)
	}
	p, err := sinks.NewPackInspector(data, e)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]groupReader{"reader": r, "inspector": p}
}

// contents returns the digest of the rows of each batch in a packed file, and in
// how many row groups they are.
func contents(t testing.TB, r groupReader, batches ...arrow.Record) (digests []string, groups int) {
	t.Helper()
	group, first := 0, int64(0)
	var rec arrow.Record
	var err error
	for _, b := range batches {
		if rec == nil || first == rec.NumRows() && group < r.RowGroups() {
			if rec != nil {
				rec.Release()
			}
			if rec, err = r.ReadGroup(group, people); err != nil {
				t.Fatal(err)
			}
			group, first = group+1, 0
		}
		part := rec.NewSlice(first, first+b.NumRows())
		digests = append(digests, sinks.ContentSHA256(part))
		part.Release()
		first += b.NumRows()
	}
	if first != rec.NumRows() || group != r.RowGroups() {
		t.Errorf("rows are left behind the last batch")
	}
	rec.Release()
	return digests, group
}

// Whatever batches are packed, each is found again as it was, in whole row groups,
// by both readers.
func TestPackedBatchesAreFoundAgain(t *testing.T) {
	long := manyRows(40_000)
	for i := range long[:3000] {
		long[i][0] = strings.Repeat("long ", 3500+i%7) // several pages, and row groups by size
	}
	for name, batches := range map[string][]arrow.Record{
		"one":         {newRecord(t, people, awkwardRows()...)},
		"with empty":  {newRecord(t, people), newRecord(t, people, awkwardRows()...), newRecord(t, people), newRecord(t, people, manyRows(10)...)},
		"many":        {newRecord(t, people, manyRows(70_000)...), newRecord(t, people, manyRows(60_000)...), newRecord(t, people, manyRows(7)...)},
		"of any size": {newRecord(t, people, manyRows(100)...), newRecord(t, people, long...), newRecord(t, people, awkwardRows()...)},
	} {
		eachParquet(t, func(t *testing.T, e sinks.Encoding) {
			data := pack(t, e, batches...)
			if again := pack(t, e, batches...); !bytes.Equal(data, again) {
				t.Errorf("%s: packed again, the file is another", name)
			}
			var want []string
			var rows int64
			for _, b := range batches {
				want = append(want, sinks.ContentSHA256(b))
				rows += b.NumRows()
			}
			wantGroups := map[string]int{"one": 1, "with empty": 1, "many": 2, "of any size": 2}[name]
			for by, r := range readersOf(t, e, data) {
				got, groups := contents(t, r, batches...)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s: digests (-want +got):\n%s", name, by, diff)
				}
				if groups != wantGroups {
					t.Errorf("%s, %s: %d row groups, want %d", name, by, groups, wantGroups)
				}
			}
			seen, err := e.Inspect(data)
			if err != nil || seen.Rows != rows {
				t.Errorf("%s: the other reader sees %d rows of %d, error %v", name, seen.Rows, rows, err)
			}
		})
	}
}

// What is not such a file, or not of that table, is an error of the inspector.
func TestPackInspectorRefuses(t *testing.T) {
	e := newEncoding(t, "parquet", "zstd")
	data := pack(t, e, newRecord(t, people, manyRows(1000)...))
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": data[:len(data)-20], "longer": append(bytes.Clone(data), 0), "no magic": append([]byte("x"), data[1:]...),
	} {
		if _, err := sinks.NewPackInspector(bad, e); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := sinks.NewPackInspector(data, newEncoding(t, "parquet", "snappy")); err == nil {
		t.Error("another compression: no error")
	}
	p, err := sinks.NewPackInspector(data, e)
	if err != nil {
		t.Fatal(err)
	}
	if p.Rows() != 1000 || p.RowGroups() != 1 || p.GroupRows(0) != 1000 {
		t.Errorf("%d rows in %d groups, the first with %d", p.Rows(), p.RowGroups(), p.GroupRows(0))
	}
	if _, err := p.ReadGroup(0, pairs); err == nil {
		t.Error("another table: no error")
	}
}

func TestPackNothing(t *testing.T) {
	e := newEncoding(t, "parquet", "zstd")
	rows, _ := readParquet(t, pack(t, e, newRecord(t, people)))
	if len(rows) != 0 {
		t.Errorf("%d rows", len(rows))
	}
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	r, err := sinks.NewParquetReader(pack(t, e), mem)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := r.ReadAll(people)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	if rec.NumRows() != 0 || int(rec.NumCols()) != len(people.Columns) {
		t.Errorf("%d rows of %d columns", rec.NumRows(), rec.NumCols())
	}
}

// A file that could not be written to its end is never called finished.
func TestPackerTellsOfFailedWrites(t *testing.T) {
	batch := newRecord(t, people, awkwardRows()...)
	e := newEncoding(t, "parquet", "zstd")
	whole := len(pack(t, e, batch))
	for limit := range whole {
		p, err := sinks.NewPacker(&limited{left: limit}, e, people, memory.DefaultAllocator)
		if err == nil {
			err = errors.Join(p.Append(batch), p.Finish(nil))
			p.Release()
		}
		if !errors.Is(err, errFull) {
			t.Fatalf("after %d bytes: error %v", limit, err)
		}
	}
}

var errFull = errors.New("full")

// limited is a writer that fails after some bytes.
type limited struct{ left int }

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, errFull
	}
	l.left -= len(p)
	return len(p), nil
}

func TestPackerRefusesOtherTables(t *testing.T) {
	if _, err := sinks.NewPacker(new(bytes.Buffer), newEncoding(t, "csv", ""), people, memory.DefaultAllocator); err == nil {
		t.Error("CSV is packed")
	}
	e := newEncoding(t, "parquet", "")
	p, err := sinks.NewPacker(new(bytes.Buffer), e, people, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	other := *people
	other.Columns = people.Columns[:2]
	if err := p.Append(newRecord(t, &other, row{"Ada", int64(1)})); err == nil {
		t.Error("a record of other columns is appended")
	}
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	for name, data := range map[string][]byte{
		"fewer columns":  encode(t, e, &other, newRecord(t, &other, row{"Ada", int64(1)})),
		"two row groups": pack(t, e, newRecord(t, people, manyRows(130_000)...), newRecord(t, people, manyRows(1)...)),
	} {
		r, err := sinks.NewParquetReader(data, mem)
		if err != nil {
			t.Fatal(err)
		}
		if rec, err := r.ReadAll(people); err == nil {
			rec.Release()
			t.Errorf("%s: is read as one batch", name)
		}
	}
	for _, cut := range []int{0, 3, 40} {
		if _, err := sinks.NewParquetReader(pack(t, e)[:cut], mem); err == nil {
			t.Errorf("a file of %d bytes is opened", cut)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	e := newEncoding(b, "parquet", "zstd")
	batch := newRecord(b, people, manyRows(5000)...)
	data := encode(b, e, people, batch)
	var sink bytes.Buffer
	for b.Loop() {
		sink.Reset()
		p, err := sinks.NewPacker(&sink, e, people, memory.DefaultAllocator)
		if err != nil {
			b.Fatal(err)
		}
		for range 30 {
			r, err := sinks.NewParquetReader(data, memory.DefaultAllocator)
			if err != nil {
				b.Fatal(err)
			}
			rec, err := r.ReadAll(people)
			if err != nil {
				b.Fatal(err)
			}
			if err := p.Append(rec); err != nil {
				b.Fatal(err)
			}
			rec.Release()
		}
		if err := p.Finish(nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(30*5000*b.N)/b.Elapsed().Seconds(), "rows/s")
}
