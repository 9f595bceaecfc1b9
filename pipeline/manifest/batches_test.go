package manifest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/answer"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// batchRow returns what the table of batches has of an entry, nulls left out.
func batchRow(t *testing.T, e *Entry) map[string]any {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	table := NewBatchTable(mem)
	defer table.Release()
	table.Add(e)
	rec := table.Record()
	defer rec.Release()
	if rec.NumRows() != 1 {
		t.Fatalf("%d rows", rec.NumRows())
	}
	row := make(map[string]any)
	for i, column := range rec.Columns() {
		name := rec.ColumnName(i)
		if required := schema.Batches.Columns[i].Required; column.IsNull(0) {
			if required {
				t.Errorf("%s is null", name)
			}
			continue
		}
		row[name] = cell(column)
	}
	return row
}

func cell(column arrow.Array) any {
	if ints, ok := column.(*array.Int64); ok {
		return ints.Value(0)
	}
	return column.(*array.String).Value(0)
}

func TestBatchTable(t *testing.T) {
	at := time.Date(2026, 1, 31, 7, 15, 30, 120e6, time.FixedZone("", 3600))
	rows, permanent := int64(3), true
	pending := Entry{BatchID: "b", Kind: "email-find", State: StatePending, UpdatedAt: at, ToolVersion: "1.2.3"}
	base := map[string]any{
		"batch_id": "b", "kind": "email-find", "state": "pending", "updated_at": "2026-01-31T06:15:30.12Z",
		"attempts": int64(0), "mismatches": int64(0), "warnings": int64(0), "tool_version": "1.2.3",
	}
	with := func(more map[string]any) map[string]any {
		all := make(map[string]any)
		for _, m := range []map[string]any{base, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	for name, test := range map[string]struct {
		change func(*Entry)
		want   map[string]any
	}{
		"pending": {func(*Entry) {}, nil},
		"failed": {func(e *Entry) {
			e.State, e.Permanent, e.Error, e.Attempts = StateFailed, &permanent, "no such batch", 2
		}, map[string]any{"state": "failed", "permanent": "true", "error": "no such batch", "attempts": int64(2)}},
		"exported": {func(e *Entry) {
			e.State, e.Rows, e.ContentSHA256, e.FirstExportedAt = StateExported, &rows, "c5", &at
			e.Schema, e.Source = &SchemaRef{Table: "email_find", Version: 1}, &SourceRef{SHA256: "5a"}
			e.Files = map[string]File{"csv": {Path: "email_find/b.csv", Bytes: 9}, "parquet": {Path: "email_find/b.parquet", Bytes: 8}}
			e.Raw = &File{Path: "_raw/email_find/b.json.zst"}
			e.Mismatches, e.Warnings = []answer.Mismatch{{}, {}}, []string{"w"}
			e.Batch = json.RawMessage(` {"general": {"id": "b", "status": "completed", "custom": "q2"},
				"stats": {"requested": 3, "finished": "3", "valid": 2, "credits_cost": {"initial": 3, "refunded": 0.25, "final": 2.75}}}`)
		}, map[string]any{
			"state": "exported", "row_count": int64(3), "table_name": "email_find", "table_version": int64(1),
			"csv_path": "email_find/b.csv", "csv_bytes": int64(9), "parquet_path": "email_find/b.parquet", "parquet_bytes": int64(8),
			"raw_path": "_raw/email_find/b.json.zst", "source_sha256": "5a", "content_sha256": "c5",
			"first_exported_at": "2026-01-31T06:15:30.12Z", "mismatches": int64(2), "warnings": int64(1),
			"status": "completed", "batch_custom": "q2", "requested": int64(3), "finished": int64(3), "found": int64(2),
			"credits_spent": "2.75", "credits_refunded": "0.25",
			"answer": `{"general":{"id":"b","status":"completed","custom":"q2"},"stats":{"requested":3,"finished":"3","valid":2,"credits_cost":{"initial":3,"refunded":0.25,"final":2.75}}}`,
		}},
		"phone": {func(e *Entry) {
			e.Batch = json.RawMessage(`{"general":{"custom":{"b":[1, 2.50]}},"stats":{"found":7,"credits_cost":12.5,"credits_to_refund":0}}`)
		}, map[string]any{
			"batch_custom": `{"b":[1,2.50]}`, "found": int64(7), "credits_spent": "12.5", "credits_refunded": "0",
			"answer": `{"general":{"custom":{"b":[1,2.50]}},"stats":{"found":7,"credits_cost":12.5,"credits_to_refund":0}}`,
		}},
		"strange": {func(e *Entry) {
			e.Batch = json.RawMessage("{\"general\":{\"status\":7,\"custom\":null},\"stats\":{\"requested\":-1.5,\"finished\":[],\"valid\":null,\"credits_cost\":\"x\"},\"x\":\"\xff\"}")
		}, map[string]any{"answer": "{\"general\":{\"status\":7,\"custom\":null},\"stats\":{\"requested\":-1.5,\"finished\":[],\"valid\":null,\"credits_cost\":\"x\"},\"x\":\"\uFFFD\"}"}},
		"no objects": {func(e *Entry) { e.Batch = json.RawMessage(`{"general":[],"stats":3}`) }, map[string]any{"answer": `{"general":[],"stats":3}`}},
	} {
		e := pending
		test.change(&e)
		if diff := cmp.Diff(with(test.want), batchRow(t, &e)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The table of batches has columns for every format.
func TestBatchTableKnowsEveryFormat(t *testing.T) {
	names := schema.Batches.ColumnNames()
	for _, f := range sinks.Formats() {
		for _, name := range []string{f.Name + "_path", f.Name + "_bytes"} {
			if !slices.Contains(names, name) {
				t.Errorf("schema.Batches has no column %s", name)
			}
		}
	}
}

// A key with a dot is no path, and of two objects with one key the first counts.
func TestBatchTableIsNotMisled(t *testing.T) {
	e := Entry{BatchID: "b", Kind: "email-find", State: StatePending}
	e.Batch = json.RawMessage(`{"general.status":"no","general":{"status":"yes"},"stats":{"credits_cost":{"final.x":1}},"general":{"custom":"no"}}`)
	row := batchRow(t, &e)
	if row["status"] != "yes" || row["batch_custom"] != nil || row["credits_spent"] != nil {
		t.Errorf("status %v, custom %v, credits %v", row["status"], row["batch_custom"], row["credits_spent"])
	}
}
