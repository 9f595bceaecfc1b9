package pipeline

import (
	"bytes"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
)

// BatchTable gathers what the manifests know of batches as rows of
// schema.Batches.
type BatchTable struct{ rows *array.RecordBuilder }

// NewBatchTable returns an empty one. The caller calls Release in the end.
func NewBatchTable(mem memory.Allocator) *BatchTable {
	return &BatchTable{array.NewRecordBuilder(mem, schema.Batches.ArrowOfMany())}
}

// Release lets go of the rows.
func (b *BatchTable) Release() { b.rows.Release() }

// Record returns the rows, which the caller releases, and begins anew.
func (b *BatchTable) Record() arrow.Record { return b.rows.NewRecord() }

// Add adds the row of a batch.
func (b *BatchTable) Add(e *Entry) {
	row := make(map[string]any)
	row["batch_id"], row["kind"], row["state"] = e.BatchID, e.Kind, string(e.State)
	if e.Permanent != nil {
		row["permanent"] = strconv.FormatBool(*e.Permanent)
	}
	if e.Batch != nil {
		addAnswer(row, e)
	}
	if e.State == StateExported {
		row["row_count"], row["table_name"], row["table_version"] = *e.Rows, e.Schema.Table, int64(e.Schema.Version)
		row["source_sha256"] = e.Source.SHA256
	}
	for format, f := range e.Files {
		row[format+"_path"], row[format+"_bytes"] = f.Path, f.Bytes
	}
	if e.Raw != nil {
		row["raw_path"] = e.Raw.Path
	}
	if e.ContentSHA256 != "" {
		row["content_sha256"] = e.ContentSHA256
	}
	if e.FirstExportedAt != nil {
		row["first_exported_at"] = timestamp(*e.FirstExportedAt)
	}
	row["updated_at"], row["attempts"] = timestamp(e.UpdatedAt), int64(e.Attempts)
	row["mismatches"], row["warnings"] = int64(len(e.Mismatches)), int64(len(e.Warnings))
	if e.Error != "" {
		row["error"] = e.Error
	}
	row["tool_version"] = e.ToolVersion
	for i, c := range schema.Batches.Columns {
		switch value := row[c.Name].(type) {
		case nil:
			b.rows.Field(i).AppendNull()
		case int64:
			b.rows.Field(i).(*array.Int64Builder).Append(value)
		case string:
			b.rows.Field(i).(*array.StringBuilder).Append(value)
		}
	}
}

// addAnswer adds what the vendor says of a batch.
func addAnswer(row map[string]any, e *Entry) {
	answer := jsontext.Value(bytes.ToValidUTF8(e.Batch, []byte("\uFFFD")))
	if answer.Compact(jsontext.AllowDuplicateNames(true)) == nil {
		row["answer"] = string(answer)
	}
	general, stats := schema.Member(answer, "general"), schema.Member(answer, "stats")
	if status, ok := stringMember(general, "status"); ok {
		row["status"] = status
	}
	if custom := schema.Member(general, "custom"); custom != nil && custom.Kind() != 'n' {
		if text, ok := stringMember(general, "custom"); ok {
			row["batch_custom"] = text
		} else if custom.Kind() != '"' {
			row["batch_custom"] = string(custom)
		}
	}
	for column, keys := range map[string][]string{
		"requested": {"requested"}, "finished": {"finished"}, "found": {"valid", "found"},
	} {
		for _, key := range keys {
			if n, ok := count(schema.Member(stats, key)); ok && row[column] == nil {
				row[column] = n
			}
		}
	}
	cost := schema.Member(stats, "credits_cost")
	spent, refunded := cost, schema.Member(stats, "credits_to_refund")
	if cost.Kind() == '{' {
		spent, refunded = schema.Member(cost, "final"), schema.Member(cost, "refunded")
	}
	for column, value := range map[string]jsontext.Value{"credits_spent": spent, "credits_refunded": refunded} {
		if value.Kind() == '0' {
			row[column] = string(value)
		}
	}
}

// timestamp returns a time in RFC 3339, UTC.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
