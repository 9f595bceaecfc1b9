package answer_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// tableNumber chooses one of the tables.
func tableNumber(n uint8) *schema.Table { return schema.Tables()[int(n)%len(schema.Tables())] }

// FuzzFlatten: any bytes give rows that account for every key, or a typed error
// and no record; for every kind of batch.
func FuzzFlatten(f *testing.F) {
	for _, body := range pipelinetest.Bodies(f) {
		for n := range schema.Tables() {
			f.Add(uint8(n), body)
		}
	}
	f.Fuzz(func(t *testing.T, table uint8, body []byte) {
		checkFlatten(t, tableNumber(table), fuzzID(body), body, 1<<20)
	})
}

// FuzzFlattenResults is FuzzFlatten with an envelope that is right.
func FuzzFlattenResults(f *testing.F) {
	for _, results := range []string{
		`[]`, `[{}]`, `[{"index":"1","email":null}]`, `[{"info":{"companyInfo":{"name":"x","n":[1]}},"custom":{"a":1}}]`,
		`[{"index":-0,"custom":"\ud800","info":{"companyInfo":7},"raw_params":{"x":null}},{"index":9007199254740993}]`,
		`[{"params":{"firstname":"a","first_name":"b"},"number":"+1"},{"params":{"first_name":"b","firstname":"b"}}]`,
		`[{"index":"8f14e45f-i","email":"a@b","qualification":"valid"},{"qualification":"found","index":1e0}]`,
	} {
		for n := range schema.Tables() {
			f.Add(uint8(n), []byte(results))
		}
	}
	f.Fuzz(func(t *testing.T, table uint8, results []byte) {
		checkFlatten(t, tableNumber(table), "b", pipelinetest.Completed(string(results)), 1<<20)
	})
}

// checkFlatten flattens an answer and checks what it becomes: a typed error, or
// rows that account for all of it, in every format. It reports whether there are
// rows.
func checkFlatten(t *testing.T, table *schema.Table, id string, body []byte, limit int64) bool {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	a, err := answer.Flatten(mem, table, id, body, limit)
	if err != nil {
		var failure *pipeline.Error
		if !errors.As(err, &failure) || a != nil {
			t.Fatalf("answer %v, error %v, want an *Error alone", a, err)
		}
		return false
	}
	defer a.Release()
	if !pipeline.Complete(body) || !schema.ScanNesting(body).Closed {
		t.Error("a cut answer was flattened")
	}
	if a.Record == nil {
		return false
	}
	accounted(t, table, body, a)
	// The leftovers that are counted are those that are there.
	var counted int64
	for _, l := range a.Leftovers {
		counted += l.Count
		if l.First < 0 || l.First >= a.Record.NumRows() || l.Count < 1 {
			t.Errorf("leftover %+v of %d rows", l, a.Record.NumRows())
		}
	}
	if extra := schema.ColumnOf(a.Record, "extra"); (extra.NullN() < extra.Len()) != (counted > 0) {
		t.Errorf("%d leftovers are counted, %d rows have some", counted, extra.Len()-extra.NullN())
	}
	want := sinks.ContentSHA256(a.Record)
	for _, format := range sinks.Formats() {
		for _, safe := range []bool{false, format.Name == "csv"} {
			enc := sinks.Encoding{Format: format, Compression: "none", CSVSafe: safe}
			out, err := encode(table, a.Record, enc)
			if err != nil {
				t.Fatal(err)
			}
			contents, err := enc.Inspect(out)
			if err != nil {
				t.Fatalf("%s: %v", format.Name, err)
			}
			if diff := cmp.Diff(want, contents.SHA256); diff != "" {
				t.Errorf("%s holds other rows:\n%s", format.Name, diff)
			}
		}
	}
	return true
}
